"""The documented import path of a program's broker and router."""

import mitogen

if mitogen.is_master:
    from mitogen.controller.master_router import MasterBroker as Broker
    from mitogen.controller.master_router import MasterRouter as Router
    from mitogen.controller.module_responder import ModuleResponder
else:
    # A program's module that says `import mitogen.master` is imported in children too. There the
    # names exist, and the master's code, which needs a newer Python, stays away.
    from mitogen.runtime.broker import Broker
    from mitogen.runtime.router import Router

    ModuleResponder = None

__all__ = ["Broker", "ModuleResponder", "Router"]
