import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "functional"))

NOTES = []


@pytest.fixture
def note():
    """Says a figure that is worth a line also where all is well."""
    return NOTES.append


def pytest_terminal_summary(terminalreporter):
    for line in NOTES:
        terminalreporter.write_line("note: " + line)
