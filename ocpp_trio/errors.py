"""Every error of our own. The docstring says when it is raised.

OcppTrioError
|- ConfigError            settings that cannot be used
|  `- AuthorityError      the certificate authority cannot sign
|- StoreError
|  |- StoreUnavailable    the database did not take the work; nothing was stored
|  |- StoreLost           nothing written can be trusted any more; the process ends
|  |- SchemaError         the database's schema is not the one this version needs
|  |- DatabaseInUse       another server holds this SQLite file
|  |- BackupFailed        no copy was made; those made before are untouched
|  `- CopyFailed          a database was not copied into another one
|- CannotResolve          a review item cannot be decided like this
|- TagFileRefused         a file of tags has rows that cannot be used
|- CannotRotate           a charge point's key cannot be changed now
|- TooManyChecks          keys of charge points cannot be checked as fast as they come
|- ReportTooLarge         a report would not fit into memory
|- CallRefused            a handler answers a CALL with a CALLERROR
`- CommandFailed          a command to a charge point had no answer to return
   |- ChargePointUnknown
   |- ChargePointOffline
   |- ChargePointNotAccepted
   |- TooManyWaiting
   |- CommandTimedOut
   |- CommandReplaced
   |- CommandExpired
   |- CommandCancelled
   |- CommandQueued
   |- CallErrorReceived
   `- InvalidAnswer
"""

from __future__ import annotations

from collections.abc import Sequence


class OcppTrioError(Exception):
    """Base of every error of our own."""


class ConfigError(OcppTrioError):
    """Settings that cannot be used; `problems` names each variable and what is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class StoreError(OcppTrioError):
    """Base of what can go wrong with the database."""


class StoreUnavailable(StoreError):
    """The database did not take the work. Nothing of it is stored; it may be tried again."""


class StoreLost(StoreError):
    """What is written is not, or perhaps not, in the database any more: its file was deleted or
    replaced, or a flush to disk failed. Nothing may be acknowledged; the process ends.
    """


class SchemaError(StoreError):
    """The database's schema is newer than this version, or old and not to be migrated."""


class DatabaseInUse(StoreError):
    """Another server holds this SQLite file."""


class AuthorityError(ConfigError):
    """The certificate authority cannot sign, or cannot be made: the text names the file and why."""

    def __init__(self, problem: str) -> None:
        super().__init__([f"certificate authority: {problem}"])


class CannotResolve(OcppTrioError):
    """A review item cannot be decided like this; the text says why. Nothing has changed."""


class CannotRotate(OcppTrioError):
    """A charge point's key cannot be changed now; the text says why. Nothing has changed."""


class TooManyChecks(OcppTrioError):
    """Too many keys of charge points wait to be checked already."""


class TagFileRefused(OcppTrioError):
    """A file of tags has rows that cannot be used: `problems` are the first of them, as line and
    what is wrong, `total` is how many there are. Nothing of the file is stored.
    """

    def __init__(self, problems: Sequence[tuple[int, str]], total: int) -> None:
        line, text = problems[0]
        more = f" (and {total - 1} more)" if total > 1 else ""
        super().__init__(f"line {line}: {text}{more}")
        self.problems = tuple(problems)
        self.total = total


class BackupFailed(StoreError):
    """No copy was made, and why. Copies made before are untouched."""


class CopyFailed(StoreError):
    """A database was not copied into another one, and why. The source is untouched."""


class ReportTooLarge(OcppTrioError):
    """A report would have more groups than anybody reads, or than memory should hold."""


class CallRefused(OcppTrioError):
    """A handler answers a CALL with a CALLERROR: `code` of OCPP-J 4.2.3 and a fixed description."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class CommandFailed(OcppTrioError):
    """A command to a charge point had no answer to return. `state` is what its record ends with,
    `command_id` the record, if there is one.
    """

    state = "error"
    command_id: int | None = None

    @property
    def kind(self) -> str:
        """Which error it is, as its record says it; `recorded_failure` reads it."""
        return type(self).__name__


class ChargePointUnknown(CommandFailed):
    """No charge point with this id is registered."""


class ChargePointOffline(CommandFailed):
    """The charge point is not connected."""

    state = "expired"


class ChargePointNotAccepted(CommandFailed):
    """The charge point is Pending or Rejected, or has not booted yet: it must not charge."""

    state = "expired"


class TooManyWaiting(CommandFailed):
    """Too many commands already wait for this charge point."""

    state = "expired"


class CommandTimedOut(CommandFailed):
    """The charge point did not answer in time: it may or may not have carried the command out."""

    state = "timeout"


class CommandReplaced(CommandFailed):
    """The charge point's connection ended while the command was on its way."""

    state = "replaced"


class CommandExpired(CommandFailed):
    """The command was kept for its charge point until it expired; it was not sent."""

    state = "expired"


class CommandCancelled(CommandFailed):
    """Somebody cancelled the command before it was sent."""

    state = "cancelled"


class CommandQueued(CommandFailed):
    """The command is recorded and goes on without its caller: its record tells the outcome."""

    state = "queued"


class CallErrorReceived(CommandFailed):
    """The charge point answered with a CALLERROR: its `code` and `description`."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description


class InvalidAnswer(CommandFailed):
    """The charge point's answer breaks the schema of its action."""


_BY_STATE: dict[str, type[CommandFailed]] = {
    "unknown": CommandReplaced,
    "expired": CommandExpired,
    "cancelled": CommandCancelled,
}


def recorded_failure(state: str, kind: str | None, text: str) -> CommandFailed:
    """The error that ended a command, from its record: `kind` None where no connection was at work,
    but a clock, a person, or the end of a node.
    """
    if kind == CallErrorReceived.__name__:
        code, _, description = text.partition(": ")
        return CallErrorReceived(code, description)
    known = {each.__name__: each for each in CommandFailed.__subclasses__()}
    return known.get(kind or "", _BY_STATE.get(state, CommandFailed))(text)
