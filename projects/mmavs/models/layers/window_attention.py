"""mmdet's window attention on torch's fused kernel."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmdet.models.backbones.swin import ShiftWindowMSA, WindowMSA
from torch import Tensor, nn

from .swap_class import swap_class

#: Rows of a frame, of which several frames do not fit into the cache.
_MANY_ROWS = 2048
#: mmdet's value for pairs of pixels that are not neighbours in the image.
_BLOCKED = -100.0


class WindowLayout(NamedTuple):
    """How the windows of a map are cut out.

    Attributes:
        rows (Tensor): (nW * N, ), for each pixel of each of the nW windows of
            N pixels its row in the map; H * W for padding.
        places (Tensor): (H * W, ), the inverse: for each row of the map its
            place in ``rows``.
        blocked (Tensor | None): (nW, N, N) float32, -100 for pairs of pixels
            that only the cyclic shift made neighbours, otherwise 0. None
            without a shift.
    """

    rows: Tensor
    places: Tensor
    blocked: Tensor | None


class FusedWindowMSA(WindowMSA):
    """mmdet's attention inside windows, without writing its matrix.

    The relative position bias and the mask of shifted windows are one
    additive mask of ``scaled_dot_product_attention``. Parameters and their
    names do not change; results are equal up to rounding.
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend inside each window.

        Args:
            x (Tensor): (F * nW, N, C), the nW windows of each of F frames.
            mask (Tensor | None): (nW, N, N), added to the scores.

        Returns:
            Tensor: (F * nW, N, C).
        """
        qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, -1))
        bias = self.relative_position_bias_table[self.relative_position_index]
        # (heads, N, N); the kernel would copy another layout per window.
        bias = bias.permute(2, 0, 1).to(qkv.dtype).contiguous()
        if mask is None:
            out = self._attend(qkv, bias)
        else:
            bias = (bias + mask[:, None].to(qkv.dtype)).contiguous()
            # A frame at a time: the kernel cannot repeat a mask of some
            # windows over frames, and a copy for each frame would be large.
            frames = qkv.split(len(mask))
            out = torch.cat([self._attend(frame, bias) for frame in frames])
        return self.proj_drop(self.proj(out))

    def _attend(self, qkv: Tensor, bias: Tensor) -> Tensor:
        """Map (n, N, 3, heads, C / heads) to (n, N, C)."""
        query, key, value = qkv.transpose(1, 3).unbind(2)
        out = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=bias.expand(len(qkv), -1, -1, -1),
            dropout_p=self.attn_drop.p if self.training else 0.0,
            scale=self.scale,
        )
        return out.transpose(1, 2).flatten(2)


class GatheredShiftWindowMSA(ShiftWindowMSA):
    """mmdet's attention in shifted windows with one copy in each direction.

    mmdet pads, rolls and partitions the map, and the other way round, with a
    copy for each, and computes the mask of the windows in every call.
    Parameters and their names do not change; results are equal. In training,
    the attention of a frame that stochastic depth drops is not computed.
    """

    def forward(self, query: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Attend inside the windows of each frame.

        Args:
            query (Tensor): (F, H * W, C).
            hw_shape (tuple[int, int]): H and W.

        Returns:
            Tensor: (F, H * W, C).
        """
        if not self._drops_frames():
            return self.drop(self._attend(query, hw_shape))
        scale = self.drop(query.new_ones(len(query), 1, 1))
        kept = scale[:, 0, 0].nonzero()[:, 0]
        # A division, as in mmcv's drop_path, which rounds alike.
        keep_prob = 1 - self.drop.drop_prob
        if 0 < len(kept) < len(query):
            out = self._attend(query.index_select(0, kept), hw_shape)
            whole = torch.zeros_like(query)
            return whole.index_copy(0, kept, out.div(keep_prob))
        out = self._attend(query, hw_shape).div(keep_prob)
        # Without any frame, gradients of the parameters are zero, not None.
        return out if len(kept) else out * scale

    def _drops_frames(self) -> bool:
        """Whether the frames to drop can be drawn before the attention.

        Dropout inside the attention would then draw other values.
        """
        if not self.training or torch.compiler.is_compiling():
            return False
        if self.w_msa.attn_drop.p or self.w_msa.proj_drop.p:
            return False
        return isinstance(self.drop, DropPath) and self.drop.drop_prob > 0

    def _attend(self, query: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Map (F, H * W, C) to (F, H * W, C)."""
        if self._fills_the_cache(query):
            frames = [
                self._attend_windows(x, hw_shape) for x in query.split(1)
            ]
            return torch.cat(frames)
        return self._attend_windows(query, hw_shape)

    def _fills_the_cache(self, query: Tensor) -> bool:
        """Whether frames one after another are faster than at once."""
        at_once = torch.compiler.is_compiling() or torch.jit.is_tracing()
        if at_once or query.device.type != 'cpu' or torch.is_grad_enabled():
            return False
        return query.shape[1] > _MANY_ROWS

    def _attend_windows(
        self, query: Tensor, hw_shape: tuple[int, int]
    ) -> Tensor:
        """Map (F, H * W, C) to (F, H * W, C), all frames together."""
        num_frames, num_rows, channels = query.shape
        # While a graph is traced, sizes are tensors, which no cache finds.
        height, width = map(int, hw_shape)
        layout = window_layout(
            height, width, self.window_size, self.shift_size, query.device
        )
        if len(layout.rows) > num_rows:
            query = F.pad(query, (0, 0, 0, 1))  # the row of the padding
        windows = query.index_select(1, layout.rows)
        windows = windows.view(-1, self.window_size**2, channels)
        out = self.w_msa(windows, mask=layout.blocked)
        out = out.view(num_frames, -1, channels)
        return out.index_select(1, layout.places)


@lru_cache(maxsize=64)
def window_layout(
    height: int,
    width: int,
    window_size: int,
    shift_size: int,
    device: torch.device,
) -> WindowLayout:
    """Lay windows over a map.

    Args:
        height (int): H of the map.
        width (int): W of the map.
        window_size (int): Side of a window. The map is padded at the bottom
            and on the right to a multiple of it.
        shift_size (int): Rows and columns by which the padded map is rolled
            up and to the left before.
        device (torch.device): Of the tensors.

    Returns:
        WindowLayout: The indices, kept for the next call.
    """
    # Kept tensors may be used in training, where those made in inference
    # mode are an error.
    with torch.inference_mode(False):
        sides = [
            -(-length // window_size) * window_size
            for length in (height, width)
        ]
        map_rows = torch.arange(height * width).view(height, width)
        rows = torch.full(sides, height * width)
        rows[:height, :width] = map_rows
        rows = rows.roll((-shift_size, -shift_size), (0, 1))
        rows = _partition(rows, window_size)
        places = torch.empty(height * width + 1, dtype=torch.long)
        places[rows.flatten()] = torch.arange(rows.numel())
        blocked = None
        if shift_size:
            bands = [_bands(side, window_size, shift_size) for side in sides]
            regions = 3 * bands[0][:, None] + bands[1]
            regions = _partition(regions, window_size)
            apart = regions[:, :, None] != regions[:, None]
            blocked = (apart * _BLOCKED).to(device)
        return WindowLayout(
            rows.flatten().to(device), places[:-1].to(device), blocked
        )


def _partition(plane: Tensor, window_size: int) -> Tensor:
    """Cut a plane (H, W) into windows (nW, N)."""
    windows = plane.unfold(0, window_size, window_size)
    windows = windows.unfold(1, window_size, window_size)
    return windows.flatten(0, 1).flatten(1)


def _bands(length: int, window_size: int, shift_size: int) -> Tensor:
    """Number the bands of a rolled side that were neighbours before."""
    bands = torch.zeros(length, dtype=torch.long)
    bands[-window_size:-shift_size] = 1
    bands[-shift_size:] = 2
    return bands


def use_fused_window_attention(module: nn.Module) -> int:
    """Make mmdet's window attention inside a module use the fused kernel.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed.
    """
    swap_class(module, WindowMSA, FusedWindowMSA)
    return swap_class(module, ShiftWindowMSA, GatheredShiftWindowMSA)
