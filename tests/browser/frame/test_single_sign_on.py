"""Signing in through an OpenID provider, as a browser sees it."""

from playwright.sync_api import expect

from core.ui.session import COOKIE


def test_staff_sign_in_at_the_provider_and_out_again_and_strangers_do_not(console_with_provider, context):
    console, provider = console_with_provider
    page = context.new_page()
    button = page.get_by_role("button", name="Sign in with Clinic ID")

    provider.person = {"sub": "stranger", "email": "stranger@example.com", "email_verified": True}
    page.goto(console.base + "/errors")
    button.click()
    expect(page.get_by_text("no active user here has your verified e-mail address")).to_be_visible()
    assert COOKIE not in {each["name"] for each in context.cookies()}

    provider.person = {"sub": "person-ops", "email": "ops@example.com", "email_verified": True}
    with page.expect_response("**/auth/session") as answer:
        button.click()
    assert answer.value.status == 204
    expect(page.get_by_text("Signed in as ops")).to_be_visible()
    assert {each["name"] for each in context.cookies() if "user" in each["name"]} == set()  # the identity is used up
    asked = provider.asked[-1]
    assert (asked["code_challenge_method"], len(asked["nonce"]) > 10) == ("S256", True)
    page.reload()
    expect(page.get_by_text("Signed in as ops")).to_be_visible()

    with page.expect_response("**/auth/sign-out"):
        page.get_by_role("button", name="Sign out").first.click()
    expect(button).to_be_visible()
    page.reload()
    expect(button).to_be_visible()  # and nobody is signed in again by themselves
    assert COOKIE not in {each["name"] for each in context.cookies()}
