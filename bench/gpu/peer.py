#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The network and the schedule that `gpu steps` measures, in PyTorch: bf16, scaled_dot_product_attention, a CUDA graph a
step, and for block steps torch.compile where there is time for it. Writes one JSON document."""

import argparse
import json
import math
import statistics
import sys
import time

BLOCK = 32
MOST_ROWS = 16384

CASES = [(1, 1024), (1, 256), (1, 4096), (8, 1024), (8, 256), (32, 256), (32, 1024), (8, 4096), (32, 4096)]
COMPILED = {(1, 1024), (8, 1024), (32, 1024)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="the file to write")
    parser.add_argument("--seconds", type=float, default=100, help="begin nothing new after so many (default: 100)")
    parser.add_argument("--device", type=int, default=0, help="which GPU (default: 0)")
    parser.add_argument("--tiny", action="store_true", help="small shapes: tries the script, measures nothing")
    parser.add_argument("--cpu", action="store_true", help="on the processor, without graphs: tries the script")
    return parser.parse_args()


def write(path, document):
    with open(path, "w") as file:
        json.dump(document, file, indent=2)
        file.write("\n")


def main():
    options = arguments()
    begun = time.monotonic()
    try:
        import torch
    except ImportError as failure:
        write(options.out, {"missing": f"no PyTorch: {failure}"})
        return 0
    if not options.cpu and not torch.cuda.is_available():
        write(options.out, {"missing": f"PyTorch {torch.__version__} sees no GPU"})
        return 0
    device = torch.device("cpu") if options.cpu else torch.device("cuda", options.device)
    if not options.cpu:
        torch.cuda.set_device(device)
    shape = dict(layers=2, hidden=64, heads=2, ffn=96, vocabulary=264) if options.tiny else dict(
        layers=32, hidden=4096, heads=32, ffn=12288, vocabulary=126464)
    name = "cpu" if options.cpu else torch.cuda.get_device_name(device)
    report = {
        "describe": f"PyTorch {torch.__version__}, {name}, bf16, "
        + ("eager" if options.cpu else "a CUDA graph a step"),
        "model": shape,
        "steps": [],
        "complete": False,
    }
    with torch.no_grad():
        network = Network(torch, device, **shape)
        for sequences, length in [(1, 64), (2, 96)] if options.tiny else CASES:
            left = options.seconds - (time.monotonic() - begun)
            if left < 5:
                break
            compiled = (sequences, length) in COMPILED and left > 45
            report["steps"].append(measure(torch, device, network, sequences, length, compiled))
            write(options.out, report)
        else:
            report["complete"] = True
    write(options.out, report)
    return 0


class Network:
    """LLaDA's: RMS norm, rotary attention with as many key as query heads, gated SiLU, an untied head."""

    def __init__(self, torch, device, layers, hidden, heads, ffn, vocabulary):
        self.torch = torch
        self.device = device
        self.layers, self.hidden, self.heads, self.ffn = layers, hidden, heads, ffn
        self.vocabulary = vocabulary
        self.head_dim = hidden // heads
        generator = torch.Generator(device=device)
        generator.manual_seed(1)

        def matrix(rows, columns):
            weights = torch.empty(rows, columns, device=device, dtype=torch.bfloat16)
            bound = math.sqrt(3 / columns)
            return weights.uniform_(-bound, bound, generator=generator)

        self.embedding = matrix(vocabulary, hidden)
        self.weights = [
            (matrix(3 * hidden, hidden), matrix(hidden, hidden), matrix(2 * ffn, hidden), matrix(hidden, ffn))
            for _ in range(layers)
        ]
        self.head = matrix(vocabulary, hidden)
        self.norm = torch.ones(hidden, device=device, dtype=torch.bfloat16)
        self.compiled = None

    def normed(self, x):
        f = self.torch.nn.functional
        if hasattr(f, "rms_norm"):
            return f.rms_norm(x, (self.hidden,), self.norm, 1e-5)
        wide = x.float()
        return (wide * self.torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-5)).to(x.dtype) * self.norm

    def angles(self, length):
        torch = self.torch
        inverse = 500000.0 ** (-torch.arange(0, self.head_dim, 2, device=self.device).float() / self.head_dim)
        angle = torch.arange(length, device=self.device).float()[:, None] * inverse[None, :]
        angle = torch.cat((angle, angle), dim=-1)
        return angle.cos().to(torch.bfloat16), angle.sin().to(torch.bfloat16)

    def turned(self, x, cos, sin):
        half = self.head_dim // 2
        return x * cos + self.torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sin

    def layer(self, x, keys, values, first, cos, sin, qkv, out, gate_up, down):
        """x [B, fed, hidden]; keys and values [B, heads, L, head_dim], written from `first` on."""
        f = self.torch.nn.functional
        batch, fed, _ = x.shape
        q, k, v = (self.normed(x) @ qkv.T).view(batch, fed, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        keys[:, :, first : first + fed] = self.turned(k, cos, sin)
        values[:, :, first : first + fed] = v
        attended = f.scaled_dot_product_attention(self.turned(q, cos, sin), keys, values)
        x = x + attended.transpose(1, 2).reshape(batch, fed, self.hidden) @ out.T
        gate, up = (self.normed(x) @ gate_up.T).chunk(2, dim=-1)
        return x + (f.silu(gate) * up) @ down.T

    def step(self, tokens, cache, first, cos, sin, compiled=False):
        """Feeds tokens [B, fed] from position `first` on; predicts the last block: token and confidence."""
        torch = self.torch
        run = self.compiled if compiled else self.layer
        x = self.embedding[tokens]
        fed = tokens.shape[1]
        cos, sin = cos[first : first + fed], sin[first : first + fed]
        for (keys, values), weights in zip(cache, self.weights):
            x = run(x, keys, values, first, cos, sin, *weights)
        logits = (self.normed(x[:, -BLOCK:]) @ self.head.T).float()
        best, token = logits.max(dim=-1)
        return token, torch.exp(best - torch.logsumexp(logits, dim=-1))


def graphed(torch, step):
    """The step as a CUDA graph; answers what replays it and waits for its results."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = step()

    def replay():
        graph.replay()
        return [[part.cpu() for part in pair] for pair in results]

    return replay


def milliseconds(run):
    run()
    start = time.perf_counter()
    run()
    first = 1e3 * (time.perf_counter() - start)
    found = []
    for _ in range(max(2, min(30, int(1500 / max(first, 0.05))))):
        start = time.perf_counter()
        run()
        found.append(1e3 * (time.perf_counter() - start))
    return statistics.median(found)


def measure(torch, device, network, sequences, length, compile_too):
    row = {"sequences": sequences, "length": length, "refused": ""}
    on_gpu = device.type == "cuda"
    try:
        cache = [
            tuple(
                torch.zeros(sequences, network.heads, length, network.head_dim, device=device, dtype=torch.bfloat16)
                for _ in range(2)
            )
            for _ in range(network.layers)
        ]
        cos, sin = network.angles(length)
        tokens = (torch.arange(length, device=device) * 7919 + 13) % network.vocabulary
        tokens = tokens.repeat(sequences, 1)
        at_once = max(1, min(sequences, MOST_ROWS // length))

        def full():
            return [
                network.step(
                    tokens[s : s + at_once],
                    [(k[s : s + at_once], v[s : s + at_once]) for k, v in cache], 0, cos, sin)
                for s in range(0, sequences, at_once)
            ]

        def block(compiled=False):
            return [network.step(tokens[:, -BLOCK:], cache, length - BLOCK, cos, sin, compiled)]

        def run(step):
            if on_gpu:
                return graphed(torch, step)
            return step

        row["full_milliseconds"] = milliseconds(run(full))
        row["block_milliseconds"] = row["block_eager_milliseconds"] = milliseconds(run(block))
        if compile_too and on_gpu:
            try:
                network.compiled = torch.compile(network.layer, dynamic=False)
                row["block_compiled_milliseconds"] = milliseconds(run(lambda: block(True)))
                row["block_milliseconds"] = min(row["block_milliseconds"], row["block_compiled_milliseconds"])
            except Exception as failure:  # whatever a compiler says, the eager number stands
                row["not_compiled"] = f"{type(failure).__name__}: {str(failure)[:300]}"
        for key, steps in (("tokens_per_second", BLOCK), ("tokens_per_second_four", BLOCK // 4)):
            row[key] = 1e3 * sequences * BLOCK / (row["full_milliseconds"] + (steps - 1) * row["block_milliseconds"])
    except RuntimeError as failure:
        row = {"sequences": sequences, "length": length, "refused": str(failure).splitlines()[0]}
    finally:
        cache = None
        if on_gpu:
            torch.cuda.empty_cache()
    return row


if __name__ == "__main__":
    sys.exit(main())
