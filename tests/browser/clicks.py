"""How many clicks a person needs: counted by the page itself, the one into each field that is typed in among them."""

from playwright.sync_api import Locator, Page

COUNT = """addEventListener('click', event => event.isTrusted && event.detail === 1 && window.payopsClicked(), true)"""


class Clicks:
    """The clicks made in a page from now on; keys are none, and a field is entered by `enter`."""

    def __init__(self, page: Page):
        self.made = 0
        page.expose_function("payopsClicked", self._count)
        page.add_init_script(COUNT)
        page.evaluate(COUNT)

    def _count(self) -> None:
        self.made += 1


def enter(field: Locator, text: str) -> None:
    """Type `text` into the field as a person does: with a click into it, unless a key led there already."""
    if not field.evaluate("field => field === document.activeElement"):
        field.click()
    field.fill(text)
