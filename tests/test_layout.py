"""What holds of the repository as a whole."""

import ast
import subprocess
import tomllib
from collections import Counter
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def test_no_page_lies_directly_in_pages():
    """With one there, a fresh process would serve it without the sign-in."""
    assert [path for path in TRACKED if Path(path).parent == Path("pages") and path.endswith(".py")] == []


@pytest.mark.parametrize("path", [path for path in TRACKED if path.startswith("core/") and path.endswith(".py")])
def test_a_module_opens_by_saying_what_is_in_it(path):
    module = ast.parse((ROOT / path).read_text())
    assert not module.body or ast.get_docstring(module)


def test_no_file_names_a_registrys_host():
    hosts = ["files." + "pythonhosted.org", "pypi.org" + "/simple", "registry." + "npmjs.org", "deb." + "debian.org"]
    texts = {path: (ROOT / path).read_bytes() for path in TRACKED if (ROOT / path).is_file()}
    assert [path for path, text in texts.items() for host in hosts if host.encode() in text] == []


def test_no_modules_import_each_other_in_a_circle():
    """Imports inside functions count too; a circle is named by the `CycleError`."""
    graph = grimp.build_graph("core", "pages", cache_dir=None, include_external_packages=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # The console's script is no package, which is all that the library reads.
    imports["streamlit_app"] = imported_by(ROOT / "streamlit_app.py")
    assert imports["streamlit_app"] <= imports.keys() and imports["pages.monitor.overview"] & imports.keys()
    TopologicalSorter(imports).prepare()


def imported_by(script: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_the_index_of_decisions_names_each_once_and_no_number_is_used_twice():
    files = [Path(path).name for path in TRACKED if path.startswith("docs/decisions/0")]
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    assert [name for name in files if index.count(f"({name})") != 1] == []
    numbers = [name.partition("-")[0] for name in files]
    assert len(numbers) == len(set(numbers))


def test_no_folder_has_more_than_twenty_files():
    """A crowded folder hides its nouns: SQL, payloads and tests included."""
    folders = Counter(str(Path(path).parent) for path in TRACKED if path.startswith(("core/", "pages/", "tests/")))
    assert {folder: files for folder, files in folders.items() if files > 20} == {}


def test_everything_that_runs_is_in_the_installed_package():
    """`pip install .` takes along what pyproject.toml names: modules, and other files by their endings."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    include, endings = setuptools["packages"]["find"]["include"], setuptools["package-data"]["*"]
    assert setuptools["py-modules"] == ["streamlit_app"]
    left_out = [
        path
        for path in TRACKED
        if path.startswith(("core/", "pages/"))
        and not (
            any(fnmatch(Path(path).parent.as_posix().replace("/", "."), each) for each in include)
            and (path.endswith(".py") or any(fnmatch(Path(path).name, each) for each in endings))
        )
    ]
    assert left_out == []


def test_the_chosen_tab_stays_when_something_is_shown_above_it():
    """Tabs without a key go back to the first one as soon as the result of an action stands above them."""
    sources = [*(ROOT / "core" / "ui").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    drawn = [
        (path.name, {given.arg for given in call.keywords})
        for path in sources
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "st.tabs"
    ]
    assert drawn and [name for name, given in drawn if "key" not in given] == []
