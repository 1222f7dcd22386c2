"""torchmetrics without what only its metrics of sound and of texts need.

Lightning imports torchmetrics for the type of a metric, and that imports `scipy.signal` and
`transformers`: a tenth of what a small training takes. They are imported when something uses them.
It imports nothing of plait, as `plait.forkserver.server` does not, which runs it.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Later:
    """Stands for a class of a module that is imported when the first attribute is asked for."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(getattr(import_module(self._module), self._name), attribute)


STAND_INS = {
    # torchmetrics looks whether it is there, for an old package, and uses nothing of it.
    "scipy.signal": ("hamming",),
    "transformers": ("AutoModel", "AutoTokenizer"),
}


def import_torchmetrics(name: str = "torchmetrics") -> None:
    """Import it, unless it has been imported; called as `importlib.import_module` is."""
    if name in sys.modules:
        return
    stand_ins: dict[str, ModuleType] = {}
    for heavy, attributes in STAND_INS.items():
        if heavy not in sys.modules and find_spec(heavy.partition(".")[0]) is not None:
            stand_ins[heavy] = ModuleType(heavy)
            for attribute in attributes:
                setattr(stand_ins[heavy], attribute, _Later(heavy, attribute))
    sys.modules.update(stand_ins)
    try:
        import_module(name)
    except ImportError:
        # A version that takes more of them: it is imported as it is.
        for begun in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[begun]
    finally:
        for heavy in stand_ins:
            del sys.modules[heavy]
    import_module(name)
