"""Keep the outputs of frozen backbones on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from mmavs.fingerprint import hash_config
from mmavs.record_file import (
    explain_full_disk,
    read_record,
    write_record,
)

#: Part of every key; increase it when what is stored changes.
_VERSION = 1
#: numpy has no bfloat16; its bits are stored as an integer.
_STORED_AS = {torch.bfloat16: torch.int16}


class FeatureCache:
    """Outputs of a frozen backbone, one file for each row of its input.

    While all parameters of the backbone are frozen, it runs in eval mode, and
    only for rows whose output is not stored. In eval mode a row's output does
    not depend on chance or on other rows. The key of a file is a hash of the
    row, of the backbone's config and weights, of the version of PyTorch, and
    of the type of autocast, so that a change of one of these reads no old
    file. Stored outputs equal bit by bit what the backbone returned.

    Args:
        folder (str | Path): Where to store. Several processes may use it at
            the same time.
        config (Mapping): Config of the backbone.

    Raises:
        ValueError: If ``folder`` is a file.
    """

    def __init__(self, folder: str | Path, config: Mapping) -> None:
        self.folder = Path(folder)
        if self.folder.is_file():
            raise ValueError(
                f'feature_cache_dir={str(folder)!r}: expected a folder, got a '
                'file; choose another name.'
            )
        self._config = hash_config(config)
        self._weights: tuple[tuple, bytes] = ((), b'')

    def run(
        self,
        module: nn.Module,
        rows: Tensor,
        forward: Callable[[Tensor], tuple[Tensor, ...]],
    ) -> tuple[Tensor, ...]:
        """Return the output of a backbone, from the disk where it is there.

        Args:
            module (nn.Module): The backbone.
            rows (Tensor): (N, ...), its input.
            forward (Callable): Runs it: (n, ...) to tensors (n, ...).

        Returns:
            tuple[Tensor, ...]: What ``forward`` returns for the rows.

        Raises:
            OSError: If a file cannot be read or written, for example on a
                full disk.
        """
        if any(parameter.requires_grad for parameter in module.parameters()):
            return forward(rows)
        head = self._hash_head(module, rows)
        paths = [self._path(head, row) for row in rows]
        outputs = [self._read(path) for path in paths]
        missing = [n for n, output in enumerate(outputs) if output is None]
        if missing:
            computed = _run_in_eval_mode(module, rows[missing], forward)
            for n, *output in zip(missing, *computed, strict=True):
                self._write(paths[n], output)
                outputs[n] = output
        columns = zip(*(o for o in outputs if o is not None), strict=True)
        return tuple(
            torch.stack([item.to(rows.device) for item in column])
            for column in columns
        )

    def _path(self, head: bytes, row: Tensor) -> Path:
        key = hashlib.blake2b(head + _bytes(row), digest_size=16).hexdigest()
        return self.folder / key[:2] / f'{key}.npy'

    def _hash_head(self, module: nn.Module, rows: Tensor) -> bytes:
        """Hash all that the output of a row depends on except its values."""
        device = rows.device.type
        precision = None
        if torch.is_autocast_enabled(device):
            precision = str(torch.get_autocast_dtype(device))
        head = (
            _VERSION,
            torch.__version__,
            self._config,
            self._hash_weights(module),
            precision,
            str(rows.dtype),
            tuple(rows.shape[1:]),
        )
        return hashlib.blake2b(repr(head).encode()).digest()

    def _hash_weights(self, module: nn.Module) -> bytes:
        """Hash the weights, again after they were changed in place."""
        state = module.state_dict()
        versions = tuple((t.data_ptr(), t._version) for t in state.values())
        if versions != self._weights[0]:
            digest = hashlib.blake2b(digest_size=16)
            for name, tensor in state.items():
                digest.update(f'{name} {tuple(tensor.shape)}'.encode())
                digest.update(_bytes(tensor))
            self._weights = versions, digest.digest()
        return self._weights[1]

    @staticmethod
    def _read(path: Path) -> list[Tensor] | None:
        fields = read_record(path)
        if fields is None:
            return None
        output: list[Tensor] = []
        # A name is the place in the output and the type, "0 float32".
        for name in sorted(fields, key=lambda name: int(name.split()[0])):
            dtype = getattr(torch, name.split()[1])
            output.append(torch.from_numpy(fields[name]).view(dtype))
        return output

    def _write(self, path: Path, output: list[Tensor]) -> None:
        fields = {}
        for place, tensor in enumerate(output):
            dtype = tensor.dtype
            stored = tensor.cpu().view(_STORED_AS.get(dtype, dtype))
            name = f'{place} {str(dtype).removeprefix("torch.")}'
            fields[name] = stored.numpy()
        with explain_full_disk('features', self.folder, 'feature_cache_dir'):
            write_record(path, fields)


def _run_in_eval_mode(
    module: nn.Module,
    rows: Tensor,
    forward: Callable[[Tensor], tuple[Tensor, ...]],
) -> tuple[Tensor, ...]:
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            return forward(rows)
    finally:
        for part, mode in modes.items():
            part.training = mode


def _bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().view(-1)
    return flat.view(torch.uint8).numpy().tobytes()
