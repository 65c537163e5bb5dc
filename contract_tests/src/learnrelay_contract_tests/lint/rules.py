"""Defines the linter's rules: codes, suspicious names, and what a plugin may use of the core."""

from __future__ import annotations

from enum import Enum

CODES = {
    "LR101": "reads the stack, memory or the internals of functions",
    "LR102": "imports internals of the host, an undeclared plugin or a test tool",
    "LR103": "runs or imports code that the source does not show",
    "LR104": "changes an object that it does not own",
    "LR105": "reads undeclared data",
    "LR106": "does I/O at import",
    "LR107": "does I/O while it handles an event",
    "LR108": "puts values into a log record, a printed line, an error or a skip reason",
    "LR109": "keeps state between events",
    "LR110": "uses the clock, chance or the hash seed",
    "LR111": "reads internals of the platform or a secret",
    "LR112": "admits an event in case of doubt",
}
PRIVATE = frozenset({"LR101", "LR102", "LR103", "LR104", "LR105", "LR108", "LR109", "LR111", "LR112"})
"""Codes that no comment can allow."""

AUDIT = frozenset({"LR101", "LR103"})
"""Codes of the audit: what nobody writes by mistake."""

PUBLIC = (
    "learnrelay", "learnrelay.errors", "learnrelay.kinds", "learnrelay.fields", "learnrelay.mapping",
    "learnrelay.families", "learnrelay.sources", "learnrelay.facts", "learnrelay.events.RequestNames",
    "learnrelay.events.Shape", "learnrelay.events.SourceEvent", "learnrelay.inputs", "learnrelay.standards",
    "learnrelay.sinks", "learnrelay.auth", "learnrelay.frames", "learnrelay.scopes", "learnrelay.providers",
    "learnrelay.platform", "learnrelay.caching", "learnrelay.times",
    "learnrelay.personal_data", "learnrelay.sample_values", "learnrelay.hookspecs", "learnrelay.config.fields",
    "learnrelay.config.models",
)  # fmt: skip
"""Modules of the core that plugins use, and names of modules of which they use no more."""

NOT_FOR_PLUGINS = frozenset({"value_at", "first_value", "compile_extractor", "compile_values", "absent"})
"""Names of public modules that only the core needs: they give access to the event itself."""

FOR_PROVIDERS = ("learnrelay.config.secrets", "learnrelay.exchange_deadline")
FOR_COMMANDS = frozenset({
    "learnrelay.assembly.assemble", "learnrelay.cli.output", "learnrelay.comparison.statement_changes",
    "learnrelay.pipeline.match_rules.ValueMatcher", "learnrelay.reading.lines",
})  # fmt: skip
"""What reads the operator's file, for a command that prepares what its destinations send to; what prints the words of a
server without what a terminal would obey; what compares statements, checks a rule of ``match``, and reads lines."""

ATTRIBUTES = {
    **dict.fromkeys(
        ("f_back", "f_locals", "f_globals", "f_builtins", "f_code", "tb_frame", "tb_next", "__traceback__",
        "__context__",
         "gi_frame", "cr_frame", "ag_frame", "gi_code", "cell_contents", "__closure__", "__globals__", "__code__",
         "__builtins__", "__subclasses__", "__defaults__", "__kwdefaults__", "__getattribute__", "__self__",
         "findCaller"),
        "LR101",
    ),
    "reveal": "LR111", "__dict__": "LR105", "__wrapped__": "LR101", "setLogRecordFactory": "LR104",
}  # fmt: skip

MODULES = {
    **dict.fromkeys(("gc", "inspect", "ctypes", "faulthandler", "tracemalloc", "pdb", "bdb", "traceback", "dis",
    "_ctypes",
                     "cProfile", "profile", "trace", "weakref"), "LR101"),
    **dict.fromkeys(("pytest", "_pytest", "unittest", "learnrelay_contract_tests", "__main__", "hypothesis", "mock"),
    "LR102"),
    **dict.fromkeys(("importlib", "runpy", "pkgutil", "marshal", "pickle", "cloudpickle", "dill", "shelve", "code",
                     "codeop", "zipimport", "cffi", "types", "timeit", "pydoc", "doctest"), "LR103"),
    **dict.fromkeys(("builtins", "atexit", "sitecustomize", "wrapt"), "LR104"),
    **dict.fromkeys(("socket", "ssl", "http", "requests", "httpx", "aiohttp", "urllib3", "smtplib", "ftplib",
    "telnetlib",
                     "subprocess", "multiprocessing", "asyncio", "selectors", "sqlite3", "tempfile", "shutil", "glob",
                     "fileinput", "mmap", "fcntl", "syslog", "signal", "webbrowser", "redis", "sqlalchemy", "celery",
                     "pty", "linecache", "dbm", "concurrent", "_thread"), "LR107"),
    **dict.fromkeys(("random", "secrets", "time"), "LR110"),
}  # fmt: skip
"""Top-level modules → the code for importing or using them."""

HARMLESS = frozenset({
    "importlib.metadata", "importlib.metadata.version", "importlib.metadata.PackageNotFoundError",
    "importlib.resources", "types.MappingProxyType", "types.SimpleNamespace", "types.ModuleType",
    "weakref.WeakKeyDictionary", "http.HTTPStatus", "time.strftime", "inspect.cleandoc", "types.NoneType",
    "types.EllipsisType", "types.UnionType", "types.GenericAlias", "time.struct_time", "asyncio.iscoroutinefunction",
})  # fmt: skip

NAMES = {
    "sys._getframe": "LR101", "sys._current_frames": "LR101", "sys._current_exceptions": "LR101",
    "sys.exc_info": "LR101",
    "sys.settrace": "LR101", "sys.setprofile": "LR101", "sys.addaudithook": "LR101", "sys.modules": "LR102",
    "sys.monitoring": "LR101", "sys.last_traceback": "LR101", "sys.meta_path": "LR104", "sys.path_hooks": "LR104",
    "sys.path": "LR104", "sys.argv": "LR107", "sys.stdout": "LR107", "sys.stderr": "LR107", "sys.stdin": "LR107",
    "sys.excepthook": "LR104", "sys.displayhook": "LR104", "sys.exit": "LR107", "sys.gettrace": "LR101",
    "sys.getprofile": "LR101", "sys._clear_type_cache": "LR101",
    "urllib.request": "LR107", "os.path.exists": "LR107", "os.path.getsize": "LR107", "os.path.isfile": "LR107",
    "datetime.datetime.now": "LR110", "datetime.datetime.utcnow": "LR110", "datetime.datetime.today": "LR110",
    "datetime.date.today": "LR110", "uuid.uuid1": "LR110", "uuid.uuid4": "LR110", "uuid.getnode": "LR110",
    "io.open": "LR107", "codecs.open": "LR107", "io.FileIO": "LR107", "threading.Thread": "LR107",
    "threading.Timer": "LR107", "threading.settrace": "LR101", "threading.setprofile": "LR101",
    "logging.basicConfig": "LR104", "logging.disable": "LR104", "logging.setLoggerClass": "LR104",
    "logging.FileHandler": "LR107", "logging.handlers": "LR107", "logging.getLogRecordFactory": "LR104",
    "logging.LogRecord": "LR108", "logging.makeLogRecord": "LR108",
    "importlib.metadata.entry_points": "LR103", "importlib.metadata.EntryPoint": "LR103",
    "typing.get_type_hints": "LR103", "typing.ForwardRef": "LR103", "logging.config": "LR104",
    "decimal.getcontext": "LR104", "decimal.setcontext": "LR104",
    "operator.methodcaller": "LR103", "locale.setlocale": "LR104", "warnings.showwarning": "LR104",
    "warnings.simplefilter": "LR104", "warnings.filterwarnings": "LR104", "warnings.resetwarnings": "LR104",
    "sys.setrecursionlimit": "LR104", "sys.setswitchinterval": "LR104", "sys.set_int_max_str_digits": "LR104",
}  # fmt: skip
"""Dotted names → code. Everything below ``os`` is LR107 except what computes on names only."""

OS_HARMLESS = ("os.path.join", "os.path.dirname", "os.path.basename", "os.path.splitext", "os.path.normpath", "os.sep",
               "os.linesep", "os.fspath", "os.PathLike", "os.pathsep")  # fmt: skip

BUILTINS = {
    "exec": "LR103", "eval": "LR103", "compile": "LR103", "__import__": "LR103", "globals": "LR103", "locals": "LR101",
    "open": "LR107", "input": "LR107", "breakpoint": "LR107", "print": "LR108", "hash": "LR110",
    "vars": "LR105", "dir": "LR105", "memoryview": "LR101",
}  # fmt: skip

ONLY_CALLED = {"setattr": "LR104", "delattr": "LR104", "getattr": "LR103"}
"""Built-in functions whose effect shows only where they are called."""

METHODS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "rmdir", "touch",
"iterdir",
                     "rglob", "urlopen", "stat", "lstat", "exists", "is_file", "is_dir"})  # fmt: skip
"""Methods that access files on any object."""

MUTATORS = frozenset({"append", "add", "update", "setdefault", "insert", "extend", "pop", "popitem", "clear", "remove",
                      "discard", "appendleft", "popleft", "__setitem__", "__delitem__", "send", "put",
                      "set"})  # fmt: skip

LOGGING = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
EVENT_ERRORS = frozenset(
    {"EventError", "MissingFieldError", "InvalidFieldError", "TransformError", "UnreadableEventError", "Skip"}
)
CONTAINERS = frozenset({"dict", "Mapping", "MutableMapping", "list", "Sequence", "Iterable", "Collection"})
DECIDING = frozenset({"filter_event", "route_event", "denial"})
STAGES = frozenset({"filter_event", "enrich_statement", "route_event"})
PROVIDERS = frozenset({"IdentityProvider", "CourseProvider", "AuthScheme", "Sink", "Input"})
"""Base classes of what is asked outside of events: it may do I/O, and use secrets."""
QUIET_LEVELS = frozenset({"logging.WARNING", "logging.ERROR", "logging.CRITICAL"})


class FileRole(Enum):
    """Says what runs the code of a file: events, sinks alone, or a command of the operator."""

    OF_EVENTS = "of events"
    OF_SINKS = "of sinks"
    OF_A_COMMAND = "of a command"


PRIVATE_BUT_USUAL = frozenset({"_replace", "_asdict", "_fields", "_make", "_field_defaults"})
