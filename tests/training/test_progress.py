"""Progress is seen on a terminal and nowhere else."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

import pytest

from training.fitting import Lab


def test_it_is_visible_on_a_terminal(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with os.fdopen(terminal, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        lab.fit("breast_cancer", "trainer.max_epochs=3")
        stream.flush()
        shown = ""
        while select.select([controller], [], [], 0.2)[0]:
            shown += os.read(controller, 4096).decode()
    os.close(controller)
    assert "breast_cancer:" in shown
    assert "3/3" in shown
    assert "val/loss=" in shown


def test_it_is_quiet_elsewhere(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    lab.fit("breast_cancer", "trainer.max_epochs=3")
    assert capfd.readouterr() == ("", "")


def test_the_profile_says_where_the_time_went(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.fit("linear_regression", "trainer.profile=true", "trainer.max_epochs=1")
    said = capsys.readouterr().out
    assert said.count("Mean duration") == 1
    assert "run_training_batch" in said
