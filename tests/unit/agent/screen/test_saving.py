"""How much a viewer's text and pictures go down for its line."""

from farhand.agent.tools.screen.modes import EXACT, RECIPES
from farhand.agent.tools.screen.pace import Pace
from farhand.agent.tools.screen.saving import Cost, Saving, Step
from farhand.protocol.screen import Colours, Encoding

RECIPE = RECIPES[Colours.VIDEO]


def line(rate: float) -> Pace:
    """A pace that knows its line."""
    pace = Pace()
    for seq in range(8):
        now = seq * 1.0
        pace.sent(seq, 100 if not seq else 20_000, now)
        pace.handed(now)
        pace.acked(seq, 0.0, now + 0.01 + (20_000 / rate if seq else 0.0))
    assert pace.rate is not None
    assert 0.8 < pace.rate / rate < 1.25
    return pace


def test_a_cost_is_that_of_the_unreduced_form_and_follows_what_is_sent() -> None:
    cost = Cost()
    assert cost.of(10) == 0
    cost.learn(500, 100, Step(EXACT, 0.25))
    assert cost.of(10) == 200
    for _ in range(10):
        cost.learn(1000, 1000, Step(EXACT))
    assert cost.of(10) < 15
    assert cost.pixels(1000, Step(EXACT)) < cost.pixels(1000, Step(EXACT, 0.25))


def test_nothing_goes_down_while_the_line_is_not_known_or_the_mode_is_chosen() -> None:
    saving = Saving()
    saving.text_sent(1 << 20, 1000, Step(EXACT), 8.0)
    assert saving.plan(RECIPE, 5000, 5000, Pace(), 8.0) == (Step(RECIPE.plain), Step(RECIPE.moving))
    full = RECIPES[Colours.FULL]
    assert saving.plan(full, 5000, 5000, line(50_000), 8.0) == (Step(full.plain), Step(full.moving))


def test_text_that_keeps_coming_loses_colours_step_by_step_and_gets_them_back() -> None:
    pace, saving = line(250_000), Saving()
    bits = []
    for number in range(40):
        now = 8 + number / 30
        text, _ = saving.plan(RECIPE, 100, 0, pace, now)
        bits.append(text.how.amount)
        saving.text_sent(int((14_000 if number < 25 else 40_000) * text.share), 100, text, now)
    assert list(dict.fromkeys(bits)) == [0, 8, 4, 1]
    assert saving.plan(RECIPE, 100, 0, pace, 12.0)[0] == Step(EXACT)


def test_text_that_moves_fits_one_update() -> None:
    pace, saving = line(250_000), Saving()
    saving.text_sent(100_000, 1000, Step(EXACT), 8.0)
    text, _ = saving.plan(RECIPE, 250, 0, pace, 8.1)
    assert saving.text.of(250) * text.share <= (pace.budget() or 0)
    assert saving.plan(RECIPE, 250, 0, pace, 12.0)[0] == Step(EXACT)  # it comes once: no haste


def test_pictures_go_down_before_text_and_the_rest_of_one_is_as_its_beginning() -> None:
    pace, saving = line(250_000), Saving()
    saving.text_sent(4000, 100, Step(EXACT), 8.0)
    saving.pictures.learn(20_000, 400, Step(RECIPE.moving))
    text, picture = saving.plan(RECIPE, 100, 300, pace, 10.0)
    assert text.how == EXACT
    assert picture.how.encoding is Encoding.JPEG
    assert picture.how.amount < RECIPE.moving.amount
    assert saving.plan(RECIPE, 100, 10, pace, 10.01)[1] == picture
    assert saving.plan(RECIPE, 0, 10, pace, 14.0)[1].how == RECIPE.moving
