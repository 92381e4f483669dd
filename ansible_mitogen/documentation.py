"""What our connection plugins declare to Ansible: the stock plugin's options, and ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import yaml
from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible

from ansible_mitogen import stock
from ansible_mitogen.kinds import Kind

#: Options of every connection plugin of ours. Ansible resolves and templates them, also for
#: delegated tasks, which is why even Ansible's own variables are declared here.
COMMON_OPTIONS: dict[str, Any] = {
    "mitogen_interpreter_python": {
        "description": "Path of the Python interpreter there, or a discovery mode.",
        "type": "string",
        "default": "auto",
        "env": [{"name": "ANSIBLE_PYTHON_INTERPRETER"}],
        "ini": [{"section": "defaults", "key": "interpreter_python"}],
        "vars": [{"name": "ansible_python_interpreter"}],
    },
    "mitogen_interpreter_fallback": {
        "description": "Interpreters to look for during discovery, best first.",
        "type": "list",
        "elements": "string",
        "vars": [{"name": "ansible_interpreter_python_fallback"}],
    },
    "mitogen_mask_remote_name": {
        "description": "Do not show who started it in the process list of the host.",
        "type": "boolean",
        "default": False,
        "vars": [{"name": "mitogen_mask_remote_name"}],
    },
    # Without `choices`: the core's complaint about another value does not say what there is.
    "mitogen_task_isolation": {
        "description": "The process that a module runs in. With C(auto) some modules of the core,"
        " which are known to leave nothing behind, share one; all others have one of their own."
        " C(fork): every module has one of its own. C(none): every module may share one.",
        "type": "string",
        "default": "auto",
        "vars": [{"name": "mitogen_task_isolation"}],
    },
    "mitogen_inventory_hostname": {
        "description": "The name of the host in the inventory, for messages.",
        "type": "string",
        "vars": [{"name": "inventory_hostname"}],
    },
    "mitogen_via": {
        "description": "The inventory host that the login starts from, in the form"
        " C([[become_method:]become_user@]inventory_host). It may have one of its own. Hosts of"
        " the connection C(local) ignore it.",
        "type": "string",
        "vars": [{"name": "mitogen_via"}],
    },
}

SSH_OPTIONS: dict[str, Any] = {
    "mitogen_ssh_compression": {
        "description": "Let ssh compress. Off by default, for large transfers are compressed here.",
        "type": "boolean",
        "vars": [{"name": "mitogen_ssh_compression"}],
    },
    "mitogen_ssh_keepalive_interval": {
        "description": "Seconds of silence after which ssh asks whether the host is there; 0: no.",
        "type": "integer",
        "default": 30,
        "vars": [{"name": "mitogen_ssh_keepalive_interval"}],
    },
    "mitogen_ssh_keepalive_count": {
        "description": "Unanswered questions after which the host is given up.",
        "type": "integer",
        "default": 10,
        "vars": [{"name": "mitogen_ssh_keepalive_count"}],
    },
    "mitogen_ssh_debug_level": {
        "description": "How many times C(-v) ssh is given.",
        "type": "integer",
        "vars": [{"name": "mitogen_ssh_debug_level"}],
    },
}

OPTIONS: dict[str, dict[str, Any]] = {"local": COMMON_OPTIONS, "ssh": COMMON_OPTIONS | SSH_OPTIONS}


def connection_documentation(kind: str, name: str) -> str:
    """The DOCUMENTATION of our plugin *name*, which stands for the built-in *kind*."""
    # The stock plugin's own text, from Ansible's installation.
    text = stock.connection_module(kind).DOCUMENTATION
    return _documentation(_parsed(text), name, OPTIONS[kind])


def twin_documentation(kind: Kind, name: str) -> str:
    """The same for a plugin that stands for one of a collection, installed or not."""
    twin = stock.plugin_class(kind.twin)
    if twin is None:
        short = f"{kind.name} over persistent interpreters"
        document = {"short_description": short, "options": dict(kind.own)}
    else:
        document = _parsed(sys.modules[twin.__module__].DOCUMENTATION)
    return _documentation(document, name, {**COMMON_OPTIONS, **kind.program_options})


def _parsed(text: str) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 -- a safe one
    return document


def _documentation(document: dict[str, Any], name: str, ours: Mapping[str, Any]) -> str:
    fallback = C.config.get_configuration_definitions()["INTERPRETER_PYTHON_FALLBACK"]["default"]
    document["name"] = name
    # Up to 2.18 `local` has no options but those of the fragments that it names.
    options = document.setdefault("options", {})
    options |= ours
    options["mitogen_interpreter_fallback"] = {
        **COMMON_OPTIONS["mitogen_interpreter_fallback"],
        "default": fallback,
    }
    # JSON is YAML, and dumps in a tenth of the time.
    return json.dumps(document)
