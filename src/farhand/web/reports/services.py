"""The one thing that reports write: who played or downloaded which recording."""

from django.utils.translation import gettext

from farhand.web.project.service import Change, NotThere, service
from farhand.web.reports import queries
from farhand.web.support.models import Session


@service("reports.recording.view", events="playing a recording changes nothing that a console shows")
def open_recording(change: Change, *, session_id: str, what: str) -> Session:
    """Leave to play or download: `what` is `screen`, `shell 2 cast`, ... Raises NotThere, Refused."""
    session = queries.session_by_id(session_id)
    if session is None:
        raise NotThere(gettext("There is no report of this session."))
    change.allow(queries.as_object(session))
    change.audit(what=what)
    return session
