// Products of many rows with panels, by the tiles of one gate; and what brings matrices into that form.
#pragma once

#include "kernels/tile.h"
#include "recurrence/engine.h"
#include "recurrence/walk.h"

namespace gatewise::GATEWISE_ISA {

// Panels outside, rows inside: a group of panels stays near while all rows go by.
template <class T>
void multiply_panels(const PanelProduct<T>& product) {
  if (product.count == 0) return;
  alignas(costs::kLine) static constexpr T kZeros[kMaxPanels * kWidth<T>] = {};
  const Blocks blocks(product.count, rows_for(1));
  const Groups groups({0, product.panel_count}, product.panel_count, panels_for(blocks.most(), 1));
  TileCall<T> tile;
  tile.inputs = product.depth;
  tile.units = 0;
  tile.recurrent = nullptr;
  tile.bias = kZeros;
  for (Index i = 0; i < groups.count; ++i) {
    const Group group = groups.at(i);
    tile.input = product.panels + group.panel * product.depth * kWidth<T>;
    tile.fetch = {tile.input, 0};
    for (Index block = 0; block < blocks.size(); ++block) {
      const int height = blocks.rows(block);
      for (int r = 0; r < height; ++r) {
        const Index row = blocks.begin(block) + r;
        tile.x[r] = product.apart != nullptr ? product.apart[row] : product.rows + row * product.row_stride;
        tile.out[r] = product.out + row * product.out_stride + group.panel * kWidth<T>;
        tile.start[r] = product.adds ? tile.out[r] : nullptr;
      }
      kTiles<T, 1, 1>.tile[height - 1][group.panels][0](tile);
    }
  }
}

// Row by row: a row's columns stand side by side, the next row's often pages away, and so asked for early.
template <class T>
void pack_panels(const PanelPacking<T>& packing) {
  constexpr Index width = kWidth<T>;
  constexpr Index ahead = 8;
  constexpr auto line = static_cast<Index>(costs::kLine / sizeof(T));
  const T* from = packing.from;
  for (Index row = 0; row < packing.rows; ++row, from += packing.stride) {
    for (Index column = 0; column < packing.columns; column += line) {
      __builtin_prefetch(from + ahead * packing.stride + column);
    }
    T* to = packing.to + row * width;
    for (Index column = 0; column < packing.columns; column += width, to += packing.depth * width) {
      const Index left = packing.columns - column;
      store<T>(to, left < width ? load_some<T>(from + column, left) : load<T>(from + column));
    }
  }
}

// Blocks of one vector's rows and columns. A line of a row is read once: rows often stand a multiple of a page apart,
// where a cache holds few of their lines together.
template <class T>
void turn_rows(const Turning<T>& turning) {
  constexpr Index width = kWidth<T>;
  for (Index first = 0; first < turning.count; first += width) {
    const Index count = lesser(turning.count - first, width);
    for (Index column = 0; column < turning.columns; column += width) {
      const Index lanes = lesser(turning.columns - column, width);
      const auto take = [&](const T* row) {
        return lanes == width ? load<T>(row + column) : load_some<T>(row + column, lanes);
      };
      Vec<T> rows[width] = {};
      for (Index r = 0; r < count; ++r) {
        rows[r] = take(turning.rows[first + r]);
        if (turning.factors != nullptr) rows[r] = rows[r] * take(turning.factors[first + r]);
      }
      transpose<T>(rows);
      T* to = turning.to + column * turning.stride + first;
      for (Index i = 0; i < lanes; ++i, to += turning.stride) {
        count == width ? store<T>(to, rows[i]) : store_some<T>(to, rows[i], count);
      }
    }
  }
}

}  // namespace gatewise::GATEWISE_ISA
