"""The Wayland interfaces that are spoken here: their requests and events, in the order that gives each its number.

Rules: an entry is a name and its arguments. A letter is one argument: `i` int, `u` uint, `f` fixed point (24.8),
`s` string, `a` array, `h` descriptor, `o` object (0 is none), `n:NAME` a new object of that interface; a bare `n` (only
`wl_registry.bind`) is an interface by name, version and new object. What is not used stays, because order counts;
what was added after the versions that are bound here is left out. Sources: wayland.xml; of wayland-protocols
xdg-output-unstable-v1; of wlr-protocols wlr-screencopy-unstable-v1, wlr-virtual-pointer-unstable-v1 and
wlr-data-control-unstable-v1; virtual-keyboard-unstable-v1.
"""

from typing import NamedTuple

_TEXT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "wl_display": (("sync n:wl_callback", "get_registry n:wl_registry"), ("error o u s", "delete_id u")),
    "wl_registry": (("bind u n",), ("global u s u", "global_remove u")),
    "wl_callback": ((), ("done u",)),
    "wl_shm": (("create_pool n:wl_shm_pool h i",), ("format u",)),
    "wl_shm_pool": (("create_buffer n:wl_buffer i i i i u", "destroy", "resize i"), ()),
    "wl_buffer": (("destroy",), ("release",)),
    "wl_seat": (
        ("get_pointer n:wl_pointer", "get_keyboard n:wl_keyboard", "get_touch n:wl_touch"),
        ("capabilities u", "name s"),
    ),
    "wl_output": (
        ("release",),
        ("geometry i i i i i s s i", "mode u i i i", "done", "scale i", "name s", "description s"),
    ),
    "zxdg_output_manager_v1": (("destroy", "get_xdg_output n:zxdg_output_v1 o"), ()),
    "zxdg_output_v1": (("destroy",), ("logical_position i i", "logical_size i i", "done", "name s", "description s")),
    "zwlr_screencopy_manager_v1": (
        (
            "capture_output n:zwlr_screencopy_frame_v1 i o",
            "capture_output_region n:zwlr_screencopy_frame_v1 i o i i i i",
            "destroy",
        ),
        (),
    ),
    "zwlr_screencopy_frame_v1": (
        ("copy o", "destroy", "copy_with_damage o"),
        (
            "buffer u u u u",
            "flags u",
            "ready u u u",
            "failed",
            "damage u u u u",
            "linux_dmabuf u u u",
            "buffer_done",
        ),
    ),
    "zwp_virtual_keyboard_manager_v1": (("create_virtual_keyboard o n:zwp_virtual_keyboard_v1",), ()),
    "zwp_virtual_keyboard_v1": (("keymap u h u", "key u u u", "modifiers u u u u", "destroy"), ()),
    "zwlr_virtual_pointer_manager_v1": (
        (
            "create_virtual_pointer o n:zwlr_virtual_pointer_v1",
            "destroy",
            "create_virtual_pointer_with_output o o n:zwlr_virtual_pointer_v1",
        ),
        (),
    ),
    "zwlr_virtual_pointer_v1": (
        (
            "motion u f f",
            "motion_absolute u u u u u",
            "button u u u",
            "axis u u f",
            "frame",
            "axis_source u",
            "axis_stop u u",
            "axis_discrete u u f i",
            "destroy",
        ),
        (),
    ),
    "zwlr_data_control_manager_v1": (
        (
            "create_data_source n:zwlr_data_control_source_v1",
            "get_data_device n:zwlr_data_control_device_v1 o",
            "destroy",
        ),
        (),
    ),
    "zwlr_data_control_device_v1": (
        ("set_selection o", "destroy", "set_primary_selection o"),
        ("data_offer n:zwlr_data_control_offer_v1", "selection o", "finished", "primary_selection o"),
    ),
    "zwlr_data_control_source_v1": (("offer s", "destroy"), ("send s h", "cancelled")),
    "zwlr_data_control_offer_v1": (("receive s h", "destroy"), ("offer s",)),
}


class Argument(NamedTuple):
    """One argument: its letter, and the interface of a new object."""

    kind: str
    interface: str = ""


class Message(NamedTuple):
    """A request or an event."""

    name: str
    arguments: tuple[Argument, ...]


class Interface(NamedTuple):
    """What may be said to an object, and what it says; the place is the number on the wire."""

    requests: tuple[Message, ...]
    events: tuple[Message, ...]


def _messages(lines: tuple[str, ...]) -> tuple[Message, ...]:
    found = []
    for line in lines:
        name, *words = line.split()
        found.append(Message(name, tuple(Argument(*word.split(":")) for word in words)))
    return tuple(found)


INTERFACES = {name: Interface(_messages(requests), _messages(events)) for name, (requests, events) in _TEXT.items()}
