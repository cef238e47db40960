"""What our code never does: run data as code, call a shell, unpack to disk, reach out by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cxr_core", "ui", "pages", "train")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SCRIPTS = sorted((ROOT / "ui").rglob("*.js")) + sorted((ROOT / "ui").rglob("*.html"))

RUN_DATA = (
    "pickle cPickle dill cloudpickle joblib shelve marshal code codeop jsonpickle yaml ctypes"
)
CALLS_C = "cxr_core/allocator.py"
"""Calls the C library: four functions by name, and no film's data reaches them."""
NETWORK = "socket ssl requests httpx aiohttp urllib3 ftplib smtplib telnetlib xmlrpc"
CLIENTS = {"urllib.request", "http.client"}
MAY_CONNECT = (
    "cxr_core/backbones/weight_file.py",  # public weights, by name, when training asks for them
    "cxr_core/command/serve.py",
    "cxr_core/http/",
    "cxr_core/io/dicomweb/",
    "ui/offline.py",
)
"""Where connections are asked for by whoever runs the program."""

BANNED_NAMES = {"eval", "exec", "compile", "__import__", "input", "breakpoint"}
BANNED_CALLS = {
    "os.system": "calls a shell",
    "os.popen": "calls a shell",
    "subprocess.getoutput": "calls a shell",
    "subprocess.getstatusoutput": "calls a shell",
    "tempfile.mktemp": "names a file that another may make",
    "pd.read_pickle": "runs data as code",
    "pandas.read_pickle": "runs data as code",
    "keras.config.enable_unsafe_deserialization": "runs data as code",
    "st.html": "shows markup that is not escaped",
    "components.html": "shows markup that is not escaped",
    "shutil.unpack_archive": "unpacks to disk",
}
BANNED_METHODS = {"extractall": "unpacks to disk", "extract": "unpacks to disk"}
BANNED_ARGUMENTS = {
    "shell": (True, "calls a shell"),
    "unsafe_allow_html": (True, "shows markup that is not escaped"),
    "allow_pickle": (True, "runs data as code"),
    "safe_mode": (False, "runs data as code"),
    "trust_remote_code": (True, "runs data as code"),
    "verify": (False, "trusts any server"),
}
BANNED_SCRIPT = (
    r"\binnerHTML\b",
    r"\bouterHTML\b",
    r"\binsertAdjacentHTML\b",
    r"\bdocument\.write",
    r"\beval\(",
    r"\bnew Function\b",
    r"\bfetch\(",
    r"\bXMLHttpRequest\b",
    r"\bWebSocket\b",
    r"\bsendBeacon\b",
    r"\bdocument\.cookie\b",
    r"https?://(?!www\.w3\.org/)",
)


def faults(text: str, name: str) -> Iterator[str]:
    """What is wrong with one file of Python."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from import_faults(node, name)
        elif isinstance(node, ast.Call):
            yield from call_faults(node)


def import_faults(node: ast.Import | ast.ImportFrom, name: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        modules = {alias.name for alias in node.names}
    else:
        modules = {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    first = {module.split(".")[0] for module in modules}
    if first & set(RUN_DATA.split()) - ({"ctypes"} if name == CALLS_C else set()):
        yield f"{node.lineno}: runs data as code"
    if (first & set(NETWORK.split()) or modules & CLIENTS) and not name.startswith(MAY_CONNECT):
        yield f"{node.lineno}: reaches out"
    if "openvino" in first and name != "cxr_core/engine/openvino.py":
        yield f"{node.lineno}: reports to its maker unless imported by `import_openvino`"


def call_faults(node: ast.Call) -> Iterator[str]:
    called = ast.unparse(node.func)
    if called in BANNED_NAMES:
        yield f"{node.lineno}: {called}"
    if called in BANNED_CALLS:
        yield f"{node.lineno}: {BANNED_CALLS[called]}"
    if isinstance(node.func, ast.Attribute) and node.func.attr in BANNED_METHODS:
        yield f"{node.lineno}: {BANNED_METHODS[node.func.attr]}"
    if called.endswith("import_module") and not isinstance(node.args[0], ast.Constant):
        yield f"{node.lineno}: imports what data name"
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    for name, (wrong, words) in BANNED_ARGUMENTS.items():
        if isinstance(given.get(name), ast.Constant) and given[name].value is wrong:
            yield f"{node.lineno}: {words}"
    if called in ("np.load", "numpy.load") and "allow_pickle" not in given:
        yield f"{node.lineno}: np.load must say allow_pickle=False"
    starts = called in ("subprocess.run", "subprocess.check_output", "subprocess.call")
    if starts and "timeout" not in given:
        yield f"{node.lineno}: a process without a time limit"


def test_our_code_does_none_of_it():
    assert len(SOURCES) > 200
    found = [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in SOURCES
        for fault in faults(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import pickle", "runs data"),
        ("from joblib import load", "runs data"),
        ("import urllib.request", "reaches out"),
        ("from urllib import request", "reaches out"),
        ("def f():\n    import socket", "reaches out"),
        ("import openvino", "import_openvino"),
        ("eval(text)", "eval"),
        ("os.system(text)", "shell"),
        ("subprocess.run(text, shell=True, timeout=3)", "shell"),
        ("subprocess.run(text)", "time limit"),
        ("np.load(path)", "allow_pickle"),
        ("np.load(path, allow_pickle=True)", "runs data"),
        ("archive.extractall(folder)", "unpacks"),
        ("st.markdown(text, unsafe_allow_html=True)", "not escaped"),
        ("importlib.import_module(name)", "data name"),
        ("requests.get(url, verify=False)", "any server"),
    ],
)
def test_the_test_itself_finds_it(line, words):
    assert any(words in fault for fault in faults(line, "ui/x.py"))


def test_the_c_library_is_called_by_name_only():
    tree = ast.parse((ROOT / CALLS_C).read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = [ast.unparse(node) for node in calls if ast.unparse(node.func) == "_function"]
    names = ("madvise", "malloc_trim", "mallopt", "statfs")
    assert sorted(called) == [f"_function('{name}')" for name in names]


def test_scripts_of_the_pages_write_text_only_and_ask_nobody():
    assert len(SCRIPTS) > 10
    for path in SCRIPTS:
        for pattern in BANNED_SCRIPT:
            assert not re.search(pattern, path.read_text("utf-8")), f"{path.name}: {pattern}"


SHARED = {"lungs", "_published", "_published_elsewhere", "_contents"}
SHARED |= {"_reads", "_loaded_index", "_effects", "_warnings"}
"""Caches that all sessions share: made from bundles alone, found by their digests or folders."""


def test_what_is_made_from_films_is_cached_by_session():
    shared = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for decorator in getattr(node, "decorator_list", ()):
                text = ast.unparse(decorator)
                is_cached = "cache_data" in text or "cache_resource" in text
                if is_cached and "scope='session'" not in text:
                    shared.add(node.name)
    assert shared == SHARED


def test_no_secret_is_committed():
    """Secrets come from the environment or from a file that git ignores."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert ".streamlit/secrets.toml" in ignored
    worded = re.compile(r"""(?i)\b(password|secret|api_?key|token)\s*=\s*["'][^"'{}$ ]{8,}["']""")
    for path in [*SOURCES, *(ROOT / ".streamlit").glob("config.toml")]:
        assert not worded.search(path.read_text("utf-8")), path.name
