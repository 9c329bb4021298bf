"""mmcv's deformable attention layer on top of the compiled operator."""

from mmavs_ops import ms_deform_attn
from mmavs_ops.grid_sample_path import forward_pytorch
from mmcv.ops import MultiScaleDeformableAttention as MMCVDeformableAttention
from mmseg.registry import MODELS
from torch import Tensor, nn

from .swap_class import swap_class


@MODELS.register_module()
class MultiScaleDeformableAttention(MMCVDeformableAttention):
    """Multi-scale deformable attention computed by ``mmavs_ops``.

    Parameters, their names and the constructor are mmcv's; ``im2col_step`` is
    accepted and has no effect. Like mmcv's layer, it applies dropout and adds
    the residual (https://arxiv.org/abs/2010.04159).
    """

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        identity: Tensor | None = None,
        query_pos: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
        reference_points: Tensor | None = None,
        spatial_shapes: Tensor | None = None,
        level_start_index: Tensor | None = None,
        **kwargs: object,
    ) -> Tensor:
        """Attend from each query to a few points of each level.

        With ``batch_first=False`` the first two dimensions of query, value,
        identity and of the result are swapped.

        Args:
            query (Tensor): (N, Q, C).
            key (Tensor | None): Not used; mmdet's layers pass it.
            value (Tensor | None): (N, S, C); None uses the query.
            identity (Tensor | None): (N, Q, C), the residual; None uses the
                query before its position is added.
            query_pos (Tensor | None): (N, Q, C), added to the query.
            key_padding_mask (Tensor | None): (N, S), True where the value is
                padding and is set to zero.
            reference_points (Tensor | None): (N, Q, L, 2) as (x, y) in
                [0, 1], or (N, Q, L, 4) as (x, y, w, h). Required.
            spatial_shapes (Tensor | None): (L, 2), (H, W) of each level.
                Required.
            level_start_index (Tensor | None): (L, ), first row of each level.
            **kwargs (object): Arguments of other attention layers; not used.

        Returns:
            Tensor: (N, Q, C).

        Raises:
            ValueError: If ``reference_points`` or ``spatial_shapes`` is
                missing or ends in neither 2 nor 4.
        """
        if reference_points is None or spatial_shapes is None:
            raise ValueError(
                'reference_points and spatial_shapes must be given, got '
                f'{type(reference_points).__name__} and '
                f'{type(spatial_shapes).__name__}.'
            )
        value = query if value is None else value
        identity = query if identity is None else identity
        query = query if query_pos is None else query + query_pos
        if not self.batch_first:
            query, value = query.transpose(0, 1), value.transpose(0, 1)
        value = self.value_proj(value)
        if key_padding_mask is not None:
            value = value.masked_fill(key_padding_mask[..., None], 0.0)
        output = self._attend(
            value.unflatten(-1, (self.num_heads, -1)),
            spatial_shapes,
            level_start_index,
            self._locations(query, reference_points, spatial_shapes),
            self._weights(query),
        )
        output = self.output_proj(output)
        if not self.batch_first:
            output = output.transpose(0, 1)
        return self.dropout(output) + identity

    def _attend(
        self,
        value: Tensor,
        spatial_shapes: Tensor,
        level_start_index: Tensor | None,
        locations: Tensor,
        weights: Tensor,
    ) -> Tensor:
        """Sample and add up: (N, S, M, D) to (N, Q, M * D)."""
        return ms_deform_attn(
            value, spatial_shapes, level_start_index, locations, weights
        )

    def _weights(self, query: Tensor) -> Tensor:
        """Return (N, Q, M, L, P), one softmax over levels and points."""
        weights = self.attention_weights(query).unflatten(
            -1, (self.num_heads, -1)
        )
        return weights.softmax(-1).unflatten(
            -1, (self.num_levels, self.num_points)
        )

    def _locations(
        self, query: Tensor, reference_points: Tensor, spatial_shapes: Tensor
    ) -> Tensor:
        """Return (N, Q, M, L, P, 2): the reference plus learned offsets."""
        offsets = self.sampling_offsets(query)
        if reference_points.shape[-1] == 2:
            # Offsets count pixels of their level: (H, W) -> (W, H). One row
            # for each head: broadcasting over pairs is ten times slower.
            size, anchor = (
                pairs.unsqueeze(-2)
                .expand(*pairs.shape[:-1], self.num_points, 2)
                .flatten(-3)
                for pairs in (spatial_shapes.flip(-1), reference_points)
            )
            rows = offsets.unflatten(-1, (self.num_heads, -1)) / size
            return (anchor[:, :, None] + rows).unflatten(
                -1, (self.num_levels, self.num_points, 2)
            )
        offsets = offsets.unflatten(
            -1, (self.num_heads, self.num_levels, self.num_points, 2)
        )
        anchor = reference_points[:, :, None, :, None]
        if reference_points.shape[-1] == 4:
            # Offsets of +-num_points reach half of the box to each side.
            scale = anchor[..., 2:] * (0.5 / self.num_points)
            return anchor[..., :2] + offsets * scale
        raise ValueError(
            'reference_points must end in 2 (x, y) or 4 (x, y, w, h), got '
            f'{tuple(reference_points.shape)}.'
        )


class GridSampleDeformableAttention(MultiScaleDeformableAttention):
    """The same on PyTorch's ``grid_sample``, which other formats have.

    For the export of a network, whose graph cannot contain the operator of
    ``mmavs_ops``.
    """

    def _attend(
        self,
        value: Tensor,
        spatial_shapes: Tensor,
        level_start_index: Tensor | None,
        locations: Tensor,
        weights: Tensor,
    ) -> Tensor:
        assert level_start_index is not None  # mmdet's encoders give it
        return forward_pytorch(
            value, spatial_shapes, level_start_index, locations, weights
        )


def use_compiled_attention(module: nn.Module) -> int:
    """Make mmcv's deformable attention layers inside a module use our op.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed.
    """
    return swap_class(
        module, MMCVDeformableAttention, MultiScaleDeformableAttention
    )
