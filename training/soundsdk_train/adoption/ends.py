"""The ends of a network as a detector has them: int8 features in, logits out, and states from an output to an input.

Converters put a QUANTIZE behind a float or uint8 input and a DEQUANTIZE or QUANTIZE before such an output; those are
taken off. The firmware itself turns logits into probabilities, so a SOFTMAX or LOGISTIC at the end is taken off too.
"""

from __future__ import annotations

from dataclasses import dataclass

from soundsdk.errors import ModelError, UsageError
from soundsdk.labels import counted
from soundsdk_train.adoption.network import Form, Network

_HEADS = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
_CONVERT = "Convert the model with full integer quantization and a representative dataset."


@dataclass(frozen=True)
class Ends:
    """Name what is what among a network's inputs and outputs. states: pairs of tensors, (input, output)."""

    features: int
    scores: int
    head: str
    states: tuple[tuple[int, int], ...]


def to_int8(network: Network) -> None:
    """Take conversions off the ends. Raises ModelError for an end that is not int8 then."""
    for at, tensor in enumerate(network.inputs):
        readers = network.readers(tensor)
        if network.type_of(tensor) in ("FLOAT32", "UINT8") and _are(network, readers, "QUANTIZE"):
            for op in readers[1:]:
                network.redirect(int(op.outputs[0]), int(readers[0].outputs[0]))
            network.inputs[at] = int(readers[0].outputs[0])
            for op in readers:
                network.remove(op)
    for at, tensor in enumerate(network.outputs):
        writer = network.writer(tensor)
        if writer is None or network.type_of(tensor) not in ("FLOAT32", "UINT8"):
            continue
        if network.kind(writer) in ("DEQUANTIZE", "QUANTIZE") and not network.readers(tensor):
            network.outputs[at] = int(writer.inputs[0])
            network.remove(writer)
    for word, tensors in (("input", network.inputs), ("output", network.outputs)):
        for at, tensor in enumerate(tensors):
            if network.type_of(tensor) != "INT8":
                raise ModelError(f"the model's {word} {at} is {network.type_of(tensor)}, not int8.", _CONVERT)


def _are(network: Network, operators: list[object], kind: str) -> bool:
    return bool(operators) and all(network.kind(op) == kind for op in operators)


def find_ends(network: Network, labels: int, entry: int | None, head: str | None) -> Ends:
    """Tell features, scores and states apart, and take the last activation off.

    entry: which of the inputs takes the features, None to find out. head: softmax or sigmoid, for a model that ends in
    neither. States are found by their shape, in order. Raises ModelError if the inputs and outputs do not fit together,
    UsageError if entry or head does not fit the model or is missing.
    """
    features = _features(network, entry)
    states_in = [t for t in network.inputs if t != features]
    sizes = {t: _elements(network, t) for t in network.outputs}
    scores = next((t for t in network.outputs if sizes[t] == labels and not _is_state(network, t, states_in)), None)
    if scores is None:
        found = ", ".join(str(size) for size in sizes.values())
        raise ModelError(
            f"the model has no output for {counted(labels, 'label')}: its outputs have {found} values.",
            "Give --labels in the order of the model's outputs, one for each value.",
        )
    pairs = _pair(network, states_in, [t for t in network.outputs if t != scores])
    scores, found_head = _before_activation(network, scores)
    if head is not None and found_head is not None and head != found_head:
        raise UsageError(f"the model ends in a {found_head}, not a {head}.", "Leave out --head.")
    if head is None and found_head is None:
        raise UsageError(
            "the model ends in logits, which says nothing about whether classes exclude each other.",
            "Give --head softmax if exactly one of the labels is true at a time, else --head sigmoid.",
        )
    return Ends(features, scores, found_head or str(head), tuple(pairs))


def _elements(network: Network, tensor: int) -> int:
    size = 1
    for count in network.form(tensor).shape:
        size *= count
    return size


def _features(network: Network, entry: int | None) -> int:
    """Return the input that holds frames: the one that no output looks like, by shape or else by scale."""
    inputs = network.inputs
    if entry is not None:
        if entry >= len(inputs):
            raise UsageError(f"the model has no input {entry}: it has {len(inputs)}.", "They count from 0.")
        return inputs[entry]
    forms, shapes = [network.form(t) for t in network.outputs], [network.form(t).shape for t in network.outputs]
    for found in (
        [t for t in inputs if network.form(t).shape not in shapes],
        [t for t in inputs if network.form(t) not in forms],
        inputs,
    ):
        if len(found) == 1:
            return found[0]
    raise UsageError(
        f"the model has {len(inputs)} inputs, and their shapes do not say which takes the features.",
        "Give its number with --input, from 0.",
    )


def _is_state(network: Network, output: int, states_in: list[int]) -> bool:
    return any(network.form(output).shape == network.form(t).shape for t in states_in)


def _pair(network: Network, states_in: list[int], outputs: list[int]) -> list[tuple[int, int]]:
    """Give each state its output: the first of its shape that is free. One with another scale is brought to its own."""
    pairs = []
    for number, tensor in enumerate(states_in):
        form = network.form(tensor)
        match = next((t for t in outputs if network.form(t).shape == form.shape), None)
        if match is None:
            raise ModelError(
                f"the model's state {number} of shape {list(form.shape)} comes from no output.",
                "A detector that streams returns each of its states, in the shape in which it takes it.",
            )
        outputs = [t for t in outputs if t != match]
        if network.form(match) != form:
            scaled = network.tensor(form)
            network.operators.append(network.operator("QUANTIZE", [match], scaled, "QuantizeOptions"))
            match = scaled
        pairs.append((tensor, match))
    return pairs


def _before_activation(network: Network, scores: int) -> tuple[int, str | None]:
    """Return the logits and the head that made scores of them; the scores and None if it was neither."""
    writer = network.writer(scores)
    head = _HEADS.get(network.kind(writer)) if writer is not None else None
    if writer is None or head is None:
        return scores, None
    beta = getattr(writer.builtinOptions, "beta", 1.0)
    if beta != 1.0:
        raise ModelError(f"the model's softmax has the factor {beta:g}, where a detector's has 1.", "Leave it out.")
    if not network.readers(scores):
        network.remove(writer)
    return int(writer.inputs[0]), head


def layout(form: Form, width: int) -> tuple[int, bool]:
    """Return the frames of a features input, and whether its bands come before its frames.

    Raises ModelError if it does not consist of frames of that width.
    """
    sizes = [size for size in form.shape if size != 1] or [1]
    if len(sizes) == 2 and sizes[1] != width and sizes[0] == width:
        return sizes[1], True
    total = 1
    for size in sizes:
        total *= size
    whole = len(form.shape) < 2 or form.shape[0] == 1
    if whole and (sizes[-1] == width or (len(sizes) == 1 and total % width == 0)):
        return total // width, False
    raise ModelError(
        f"the model's input is {list(form.shape)}, which is not made of frames of {counted(width, 'value')}.",
        "Give --frontend the settings that the model was trained with: bands, or coefficients of an MFCC.",
    )
