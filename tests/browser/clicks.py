"""How many clicks a person needs: counted by the page itself, however a test makes them."""

from playwright.sync_api import Page

COUNT = """addEventListener('click', event => event.isTrusted && event.detail === 1 && window.payopsClicked(), true)"""


class Clicks:
    """The clicks made in a page from now on; keys and typing are none."""

    def __init__(self, page: Page):
        self.made = 0
        page.expose_function("payopsClicked", self._count)
        page.add_init_script(COUNT)
        page.evaluate(COUNT)

    def _count(self) -> None:
        self.made += 1
