"""How a command of ours ends: its exit status, and each error in one line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from bonafides.cli.support.output import exit_status, hang_up, survive_any_terminal, tell, tell_error
from primitives.errors import BonafidesError, InvalidInput


def run(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit; only errors made on purpose are shown, and none of them holds a secret.

    Args:
        command: what runs.
        name: as it was typed.
        arguments: what follows it; those of this process where none are given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    survive_any_terminal()
    try:
        result: Any = command.main(args=words, prog_name=name, standalone_mode=False)
        status = result if isinstance(result, int) else 0
    except BonafidesError as error:
        tell_error(error, as_json="--json" in words)
        status = exit_status(error)
    except NoArgsIsHelpError as error:
        error.show()  # a group's list of commands
        status = 2
    except click.ClickException as error:
        tell_error(_wrong_use(error), as_json="--json" in words)
        status = 2
    except click.Abort:
        tell("error: aborted")
        status = 2
    except (BrokenPipeError, SystemExit):  # the latter is what click makes of the former
        hang_up()
        status = 2
    except OSError as error:  # such as a full disk under the output
        tell(f"error: input-output {error.strerror or type(error).__name__}")
        hang_up()
        status = 2
    except Exception:
        for line in traceback.format_exc().splitlines():
            tell(line)
        status = 2
    sys.exit(status)


def _wrong_use(error: click.ClickException) -> InvalidInput:
    """Return what click found at fault as every other wrong input is told: in one line, without the usage."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    more = "" if context is None else f"; see `{context.command_path} --help`"
    if isinstance(error, click.NoSuchOption):
        name = error.option_name.lstrip("-")
        return InvalidInput(name or "option", "unknown-option", f"is no option of this command{more}")
    if isinstance(error, click.BadParameter):
        field = "argument" if error.param is None else max(error.param.opts, key=len).lstrip("-")  # as it is typed
        if isinstance(error, click.MissingParameter):
            return InvalidInput(field, "required", f"has to be given{more}")
        return InvalidInput(field, "value", error.message)
    return InvalidInput("command", "usage", " ".join(error.format_message().split()) + more)
