"""How torch_lstm.npz beside this file was made: one LSTM layer run forward and backward by PyTorch, in float64.

    python notebooks/check/lstm_with_torch.py        makes it again; needs the extra `peers`

What goes in is `course.cell_checks.example()`. Stored beside it: the outputs `h` and `c` and the gradients
`grad_` + x kernel recurrent_kernel bias h0 c0 as torch.nn.LSTM has them; and `z i f g o` and the gradients within the
cell, `grad_` + z i f g o c h, by PyTorch's autograd of equations (1) to (7) written down one by one. Nothing of this
project's arithmetic takes part. tests/test_course_cells.py compares the file with a new calculation.
"""

from pathlib import Path

import numpy as np
import torch

from course.cell_checks import ARRAYS, example

PATH = Path(__file__).with_name("torch_lstm.npz")


def by_module(layer):
    """Outputs and gradients of torch.nn.LSTM. layer: {name: tensor}."""
    (T, _, E), H = layer["x"].shape, layer["h0"].shape[1]
    lstm = torch.nn.LSTM(E, H, dtype=torch.float64)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(layer["kernel"].T)
        lstm.weight_hh_l0.copy_(layer["recurrent_kernel"].T)
        lstm.bias_ih_l0.copy_(layer["bias"])
        lstm.bias_hh_l0.zero_()  # PyTorch has a second bias, which is added to the first
    x, state = layer["x"].clone().requires_grad_(), [layer[n].clone().requires_grad_() for n in ("h0", "c0")]
    after, h, c = [state[0][None], state[1][None]], [], []
    for t in range(T):  # one step at a time, because nn.LSTM does not tell the cell in between
        _, after = lstm(x[t : t + 1], tuple(after))
        h.append(after[0])
        c.append(after[1])
    h, c = torch.cat(h), torch.cat(c)
    loss(layer, h, c).backward()
    found = x.grad, lstm.weight_ih_l0.grad.T, lstm.weight_hh_l0.grad.T, lstm.bias_ih_l0.grad, *(s.grad for s in state)
    return {"h": h, "c": c} | {f"grad_{name}": gradient for name, gradient in zip(ARRAYS, found, strict=True)}


def loss(layer, h, c):
    """The outputs weighted by the gradients that come in, summed: those are its gradients."""
    beyond = (layer["dh_next"] * h[-1]).sum() + (layer["dc_next"] * c[-1]).sum()
    return (layer["dh"] * h).sum() + beyond


def by_equations(layer):
    """The gates and all gradients within the cell, by autograd of the equations."""
    h, c = layer["h0"], layer["c0"]
    names, steps = ("z", "i", "f", "g", "o", "c", "h"), []
    for x in layer["x"]:
        z = (x @ layer["kernel"] + h @ layer["recurrent_kernel"] + layer["bias"]).requires_grad_()
        zi, zf, zg, zo = z.chunk(4, dim=1)
        i, f, g, o = zi.sigmoid(), zf.sigmoid(), zg.tanh(), zo.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        steps.append(dict(zip(names, (z, i, f, g, o, c, h))))
        for value in steps[-1].values():
            value.retain_grad()
    loss(layer, *(torch.stack([step[name] for step in steps]) for name in "hc")).backward()
    values = {name: torch.stack([step[name].detach() for step in steps]) for name in names}
    return values, {f"grad_{name}": torch.stack([step[name].grad for step in steps]) for name in names}


def stored():
    """{name: array} of what goes into the file."""
    layer = {name: torch.from_numpy(array) for name, array in example().items()}
    outputs, (values, within) = by_module(layer), by_equations(layer)
    for name in ("h", "c"):  # the equations are those of nn.LSTM
        torch.testing.assert_close(values[name], outputs[name], rtol=0, atol=1e-14)
    everything = layer | values | outputs | within
    return {name: tensor.detach().numpy() for name, tensor in everything.items()}


if __name__ == "__main__":
    np.savez_compressed(PATH, **stored())
