"""torchvision's NMS where its compiled part cannot load.

On the package index torchvision is built for a torch with CUDA; beside a torch without it, facenet-pytorch fails at
its import. All that facenet-pytorch needs of the compiled part is NMS on some hundred boxes, so OpenCV's stands in:
compiled as well, and the same function.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_registered: list[Any] = []
"""Owns the registration: torch forgets it with the object."""


def ensure() -> bool:
    """Make `import torchvision` and its `ops.nms` work; True where OpenCV's stands in."""
    torch: Any = import_module("torch")
    found = find_spec("torchvision")
    if found is None or not found.origin:
        raise ImportError("torchvision is not installed")
    try:
        torch.ops.load_library(str(Path(found.origin).parent / "_C.so"))
    except OSError:
        _register(torch)
        return True
    return False


def _register(torch: Any) -> None:
    cv2: Any = import_module("cv2")

    def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
        corners = boxes.detach().numpy()
        xywh = corners.copy()
        xywh[:, 2:] -= corners[:, :2]
        kept = cv2.dnn.NMSBoxes(xywh.tolist(), scores.detach().numpy().tolist(), 0.0, iou_threshold)
        return torch.as_tensor(list(kept), dtype=torch.int64)

    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # named at import, never called
    library.impl("nms", nms, "CPU")
    _registered.append(library)
    boxes: Any = import_module("torchvision.ops.boxes")
    boxes._assert_has_ops = lambda: None
