"""How a page comes out on paper: A4, as Chromium prints it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

A4 = (794, 1123)  # CSS pixels
MARGIN = 53  # 14 mm


def pages_of(page: Page) -> int:
    """Returns on how many pages a page is printed."""
    pdf = page.pdf(format="A4", prefer_css_page_size=True, print_background=True)
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def fewest_pages(page: Page) -> int:
    """Returns on how many pages it would fit if it could be cut anywhere."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4[0] - 2 * MARGIN, "height": 800})
    height = page.evaluate("document.documentElement.scrollHeight")
    return math.ceil(height / (A4[1] - 2 * MARGIN))
