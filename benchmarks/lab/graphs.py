"""The network as ONNX graphs, forward and with the backward pass by hand, for onnxruntime-web."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

Parameters = dict[str, tuple[np.ndarray, np.ndarray]]


class Graph:
    """Nodes and constants that grow one by one; every method gives the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, dtype=np.float32))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name


def _before(length: int, step: int, size: int) -> tuple[int, int, int]:
    """Places after a convolution, and the zeros before and behind, as TensorFlow pads."""
    places = -(-length // step)
    total = max((places - 1) * step + size - length, 0)
    return places, total // 2, total - total // 2


def model(operations: list[dict[str, Any]], parameters: Parameters, task: str, *, side: int, layer: str) -> bytes:
    """A graph from pixels (1, 3, side, side) to logits, or to the slope of an attack (with `wanted`) or of a dream."""
    graph, extents, outputs = Graph(), [], []
    last = (
        next(i for i, o in enumerate(operations) if o.get("block") == layer) if task == "dream" else len(operations) - 1
    )
    x = graph.add("Sub", graph.add("Mul", "pixels", graph.number(2)), graph.number(1))
    length, start = side, x
    for operation in operations[: last + 1]:
        weight, bias = parameters[operation["name"]]
        if operation["kind"] == "fc":
            pooled = graph.add("Flatten", graph.add("GlobalAveragePool", x))
            extents.append((length, 1, 0, 0))
            x = graph.add("Gemm", pooled, graph.constant(weight), graph.constant(bias), transB=1)
        else:
            places, before, behind = _before(length, operation["step"], operation["size"])
            extents.append((length, places, before, behind))
            group = len(weight) if operation["kind"] == "dw" else 1
            settings = {"pads": [before, before, behind, behind], "strides": [operation["step"]] * 2, "group": group}
            x = graph.add("Conv", x, graph.constant(weight), graph.constant(bias), **settings)
            if operation["clip"]:
                x = graph.add("Clip", x, graph.number(0), graph.number(6))
            if operation["skip"]:
                x = graph.add("Add", x, start)
            length = places
        outputs.append(x)
        start = x if operation.get("block") or operation["kind"] == "conv" else start
    if task != "forward":
        x = _slope(graph, operations[: last + 1], parameters, extents, outputs, task)
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, side, side])]
    if task == "attack":
        inputs.append(helper.make_tensor_value_info("wanted", TensorProto.FLOAT, [1, 1000]))
    result = [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)]
    made = helper.make_graph(graph.nodes, task, inputs, result, graph.constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def _slope(
    graph: Graph,
    operations: list[dict[str, Any]],
    parameters: Parameters,
    extents: list[tuple[int, int, int, int]],
    outputs: list[str],
    task: str,
) -> str:
    """The slope at the pixels of the mean square of the last output, or of the cross entropy with `wanted`."""
    if task == "attack":
        gradient = graph.add("Sub", graph.add("Softmax", outputs[-1], axis=1), "wanted")
    else:
        count = extents[-1][1] ** 2 * operations[-1]["outputs"]
        gradient = graph.add("Mul", outputs[-1], graph.number(2 / count))
    around = ""
    for i in range(len(operations) - 1, -1, -1):
        operation, (length, places, before, behind) = operations[i], extents[i]
        weight, _ = parameters[operation["name"]]
        if operation["skip"]:
            around = gradient
        if operation["clip"]:
            live = graph.add(
                "And", graph.add("Greater", outputs[i], graph.number(0)), graph.add("Less", outputs[i], graph.number(6))
            )
            gradient = graph.add("Mul", gradient, graph.add("Cast", live, to=TensorProto.FLOAT))
        if operation["kind"] == "fc":
            flat = graph.add("Gemm", gradient, graph.constant(weight / length**2))
            shape = graph.constant(np.array([1, weight.shape[1], 1, 1]))
            whole = graph.constant(np.array([1, weight.shape[1], length, length]))
            gradient = graph.add("Expand", graph.add("Reshape", flat, shape), whole)
        elif operation["kind"] == "pw":
            gradient = graph.add("Conv", gradient, graph.constant(weight.transpose(1, 0, 2, 3)))
        elif operation["kind"] == "dw" and operation["step"] == 1:
            flipped, pads = weight[:, :, ::-1, ::-1], [behind, behind, before, before]
            gradient = graph.add("Conv", gradient, graph.constant(flipped), pads=pads, group=len(weight))
        else:
            spare = length - ((places - 1) * operation["step"] + operation["size"] - before - behind)
            settings = {"pads": [before, before, behind, behind], "output_padding": [spare] * 2}
            group = len(weight) if operation["kind"] == "dw" else 1
            strides = [operation["step"]] * 2
            gradient = graph.add(
                "ConvTranspose", gradient, graph.constant(weight), strides=strides, group=group, **settings
            )
        first = i > 0 and (operations[i - 1].get("block") or operations[i - 1]["kind"] == "conv")
        if first and around:
            gradient, around = graph.add("Add", gradient, around), ""
    return graph.add("Mul", gradient, graph.number(2))
