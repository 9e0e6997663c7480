"""The four ways in which a service says no. Each carries one sentence for the person."""


class ServiceError(Exception):
    """Base of the errors below. `code` is for programs, `text` for people, `status` for HTTP."""

    code = "error"
    status = 400

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Refused(ServiceError):
    """The subject may not do this."""

    code = "refused"
    status = 403


class Invalid(ServiceError):
    """A value is not acceptable; `field` names it (empty: the whole)."""

    code = "invalid"
    status = 400

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class NotThere(ServiceError):
    """The thing does not exist, or the subject may not know that it does."""

    code = "not-there"
    status = 404


class Conflict(ServiceError):
    """Somebody was faster, or the thing is in a state in which this cannot be done."""

    code = "conflict"
    status = 409
