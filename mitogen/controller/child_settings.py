"""What a child that becomes a parent passes on: what it was itself told at its boot."""

from mitogen.bootstrap import loader
from mitogen.controller.connector import Connector
from mitogen.controller.ids import IdClient
from mitogen.controller.settings import ChildSettings
from mitogen.errors import Error
from mitogen.runtime.message import Message
from mitogen.wire.handles import GET_BUNDLE


def connector_for(econtext: "object") -> "Connector":
    """The parent half of the context *econtext*, which a fork of the program may be."""

    def fetch_bundle(interpreter: "object", deliver: "object") -> "None":
        if loader.boot_importer() is not None and loader.boot_bundle_fits(interpreter):
            deliver(loader.boot_bundle())
            return

        def on_answer(receiver: "object") -> "None":
            try:
                deliver(receiver.get(block=False, throw_dead=False).unpickle())
            except Error:
                deliver(None)

        request = Message.pickled(interpreter.to_value(), handle=GET_BUNDLE)
        econtext.master.send_async(request).notify = on_answer

    settings = ChildSettings(
        fetch_bundle,
        lambda: econtext.import_policy,
        econtext.boot.early_hook,
        lambda: econtext.start_folder and econtext.start_folder.where(),
    )
    return Connector(econtext.router, settings, IdClient(econtext.master))
