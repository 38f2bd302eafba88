"""Streamlit's options are one file, for a checkout and for an installed package."""

import tomllib
from pathlib import Path

from streamlit import config

from core.ui.frame import console

ROOT = Path(__file__).parents[2]


def test_the_installed_package_sets_what_a_checkout_sets():
    own = (Path(console.__file__).parent / "streamlit.toml").read_text()
    assert (ROOT / ".streamlit" / "config.toml").read_text() == own
    options = dict(console.options(tomllib.loads(own)))
    assert options["server.fileWatcherType"] == "none" and options["theme.light.primaryColor"].startswith("#")
    assert set(options) <= set(config.get_config_options())
