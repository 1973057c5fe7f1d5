from __future__ import annotations

from pathlib import Path

import pytest

from spot_mlflow.gate.documentation import main, pages
from spot_mlflow.gate.requirements import requirement_texts

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("name", ["requirements.md", "policy.schema.json"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    """What stands in docs is what the one source gives: python -m spot_mlflow.gate.documentation."""
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name]


def test_every_requirement_is_on_the_page() -> None:
    """Each requirement has its heading, its fix and its row."""
    page = pages()["requirements.md"]
    for name, text in requirement_texts().items():
        assert f"### `{name}`" in page
        assert text.why in page


def test_writing_makes_the_folder(tmp_path: Path) -> None:
    """The generator writes every page into a folder that need not exist."""
    main(tmp_path / "new")
    assert {p.name for p in (tmp_path / "new").iterdir()} == set(pages())
