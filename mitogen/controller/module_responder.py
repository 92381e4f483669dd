"""Serves the modules of this program to its children."""

from __future__ import annotations

import threading

from mitogen.imports.policy import ImportPolicy
from mitogen.imports.records import Resource
from mitogen.wire.control import GetModule, LoadModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mitogen.controller.module_answers import ModuleAnswers


class ModuleResponder:
    """What this program decides about its modules, and the way to get them. Any thread."""

    def __init__(self) -> None:
        self._whitelist: list[str] = []
        self._blacklist: list[str] = []
        self._overrides: list[str] = []
        self._answers: ModuleAnswers | None = None
        self._lock = threading.Lock()

    @property
    def whitelist(self) -> list[str]:
        """The prefixes given to `whitelist_prefix`; children have to know them."""
        return list(self._whitelist)

    @property
    def blacklist(self) -> list[str]:
        """The prefixes given to `blacklist_prefix`; children have to know them."""
        return list(self._blacklist)

    @property
    def overrides(self) -> list[str]:
        """The names given to `add_source_override`; children have to know them."""
        return list(self._overrides)

    def policy(self) -> ImportPolicy:
        """All of that at this moment. Never waits for a request that is being answered."""
        return ImportPolicy(self.whitelist, self.blacklist, self.overrides)

    def whitelist_prefix(self, fullname: str) -> None:
        """Serve only `fullname` and what is inside of it, and other names given so."""
        with self._lock:
            self._whitelist.append(fullname)
            self._apply()

    def blacklist_prefix(self, fullname: str) -> None:
        """Never serve `fullname` and what is inside of it."""
        with self._lock:
            self._blacklist.append(fullname)
            self._apply()

    def add_source_override(
        self, fullname: str, path: str, source: str | bytes, is_pkg: bool
    ) -> None:
        """Serve `source` as the module `fullname`, whatever is or is not on the disk."""
        data = source.encode() if isinstance(source, str) else source
        with self._lock:
            self._overrides.append(fullname)
            self._apply().override(fullname, path, data, is_pkg)

    def respond(self, request: GetModule, sent_already: set[str]) -> LoadModule:
        """The answer to a request; a refusal is an answer whose `error` says why.

        Reads files, and parses what was not parsed before: some 10 ms for each 100 kB.

        :param sent_already: names the neighbour has been sent; not sent along again. The names in
            this answer are added to it.
        """
        resource = Resource.from_address(request.fullname)
        with self._lock:
            if resource is not None:
                return self._load().answer_resource(resource)
            record = self._load().answer(request.fullname, sent_already)
        sent_already.add(record.fullname)
        sent_already.update(other.fullname for other in record.related)
        return record

    def _load(self) -> ModuleAnswers:
        if self._answers is None:
            # The parser and what belongs to it take 15 ms to import, and under Ansible no child
            # ever asks.
            from mitogen.controller.module_answers import ModuleAnswers

            self._answers = ModuleAnswers()
        return self._answers

    def _apply(self) -> ModuleAnswers:
        answers = self._load()
        answers.set_policy(ImportPolicy(self._whitelist, self._blacklist, self._overrides))
        return answers
