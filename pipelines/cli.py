"""The `aware` command. A user's mistake is one line and exit code 2, never a traceback.

Exit codes: 0 done; 1 a fault of the product's; 2 a mistake that the user can mend; 130 stopped
with Ctrl-C; 143 stopped by SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType

import typer

from components.errors import UserError
from pipelines import (
    command_bench,
    command_compile,
    command_discover,
    command_doctor,
    command_explain,
    command_import,
    command_ingest,
    command_kubeflow,
    command_preflight,
    command_rollback,
    command_run,
    command_savings,
    command_simulate,
    command_store,
    command_ui,
)
from pipelines.runs import StageFailedError

USER_ERROR_EXIT_CODE = 2
SIGTERM_EXIT_CODE = 128 + signal.SIGTERM

app = typer.Typer(
    name="aware",
    help="Learn how to scale Kubernetes workloads, prove it against HPA and VPA, roll it out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# In the order of a day's work: so `aware --help` lists them.
command_doctor.register(app)
command_discover.register(app)
command_import.register(app)
command_preflight.register(app)
command_ingest.register(app)
command_run.register(app)
command_explain.register(app)
command_savings.register(app)
command_simulate.register(app)
command_ui.register(app)
command_rollback.register(app)
command_store.register(app)
command_compile.register(app)
command_kubeflow.register(app)
command_bench.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; end the process with its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        code = app(args=arguments, prog_name="aware", standalone_mode=False)
    except typer.TyperException as error:
        return _fail(error.format_message(), USER_ERROR_EXIT_CODE)
    except UserError as error:
        return _fail(str(error), USER_ERROR_EXIT_CODE)
    except StageFailedError as error:
        return _fail(str(error), 1)
    except typer.Abort:
        return 130
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # As an exception, so that the run's folder is cleaned up on the way out.
    raise SystemExit(SIGTERM_EXIT_CODE)
