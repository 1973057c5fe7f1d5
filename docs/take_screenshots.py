"""Takes the pictures of the pages in ``docs/images`` from the demo's data: ``python docs/take_screenshots.py``.

``python docs/take_screenshots.py FOLDER`` takes every page and form instead, light and dark, on a desk and on a
phone, to be looked at. ``--demo FOLDER`` takes the data of a demo that was run there, and leaves it as it is.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL: Final = "result-incentive"
SIZES: Final = {"desk": (1280, 800), "phone": (390, 800)}
# Picture -> page, width and colour scheme; the first screen alone, as a reader meets it.
KEPT: Final = {
    "page-week": ("spot/", "desk", "light"),
    "page-link-phone": ("link", "phone", "light"),
}


def main() -> int:
    """Takes the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--demo", type=Path)
    asked = parser.parse_args()
    from browser import chromium

    with server(asked.demo) as url, chromium() as browser:
        pages = every_page(url)
        if asked.folder is None:
            for name, (page, width, scheme) in KEPT.items():
                take(browser, pages[page], HERE / "images" / f"{name}.png", width, scheme)
            return 0
        asked.folder.mkdir(parents=True, exist_ok=True)
        for page, address in pages.items():
            for width in SIZES:
                for scheme in ("light", "dark"):
                    name = re.sub(r"\W+", "-", f"{page.strip('/')} {width} {scheme}")
                    take(browser, address, asked.folder / f"{name}.png", width, scheme, whole=True)
    return 0


@contextmanager
def server(demo: Path | None) -> Iterator[str]:
    """Runs a gated server over a copy of a demo's database."""
    from servers import mlflow_server

    with tempfile.TemporaryDirectory(prefix="spot-pictures-") as made:
        folder = Path(made)
        if demo is None:
            demo = folder / "demo"
            command = [Path(sys.executable).parent / "spot", "demo", "--folder", demo]
            subprocess.run(command, check=True)  # noqa: S603 - ours
        shutil.copy(demo / "mlflow.db", folder / "mlflow.db")
        environment = {"SPOT_MLFLOW_HOME": str(folder / "home")}
        with mlflow_server(folder, "--app-name", "spot", environment=environment) as found:
            yield found.url


def every_page(url: str) -> dict[str, str]:
    """Returns the address of each page and form about the demo's model."""
    from every_page import addresses, wait_for_everybody

    waiting = wait_for_everybody(url, MODEL, "2", target="@champion")
    return {page: f"{url}/{path}" for page, path in addresses(waiting, "1").items()}


def take(
    browser: Any, address: str, place: Path, width: str, scheme: str, *, whole: bool = False
) -> None:
    """Writes a PNG of a page, of its first screen or of all of it."""
    wide, high = SIZES[width]
    page = browser.new_page(viewport={"width": wide, "height": high}, color_scheme=scheme)
    page.goto(address)
    page.screenshot(path=place, full_page=whole)
    page.close()


if __name__ == "__main__":
    sys.exit(main())
