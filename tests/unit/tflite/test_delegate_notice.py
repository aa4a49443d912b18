"""LiteRT's notice is kept out of standard error, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from edge_fer.config.schema import DEFAULT_MODELS
from edge_fer.tflite import delegate_notice
from edge_fer.tflite.delegate_notice import NOTICE
from tests.edge_fer_process import ENVIRONMENT


def test_only_the_notice_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    """Lines before, beside and after it come out in their order."""
    os.write(2, b"before\n")
    with delegate_notice.suppressed():
        os.write(2, b"WARNING: one\n" + NOTICE + b"WARNING: two\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nWARNING: one\nWARNING: two\nafter\n"


def test_lines_of_an_error_come_out(capfd: pytest.CaptureFixture[str]) -> None:
    """The error passes, and the descriptor is what it was before."""

    def fail() -> None:
        os.write(2, b"ERROR: broken\n")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), delegate_notice.suppressed():
        fail()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "ERROR: broken\nafter\n"


def test_lines_of_other_threads_come_out(capfd: pytest.CaptureFixture[str]) -> None:
    """While several threads redirect in turn, each line of each is written once."""

    def work(name: str) -> None:
        for number in range(20):
            with delegate_notice.suppressed():
                os.write(2, f"{name} {number}\n".encode())
            os.write(2, NOTICE.replace(b"INFO", name.encode()))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = capfd.readouterr().err.splitlines()
    assert sorted(line for line in written if line[-1].isdigit()) == sorted(
        f"{name} {number}" for name in "abc" for number in range(20)
    )
    assert len(written) == 120


@pytest.mark.parametrize("closed", ["", "os.close(2);"], ids=["open", "closed"])
def test_a_process_that_loads_a_model_writes_nothing(closed: str) -> None:
    """To standard error, and it works without one."""
    code = f"import os; {closed} from edge_fer.tflite.model import Model, Path; Model(Path('pnet.tflite'))"
    command = (sys.executable, "-c", code)
    done = subprocess.run(
        command, cwd=DEFAULT_MODELS, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
