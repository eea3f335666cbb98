// Weights in the order in which the micro-kernel reads them: [panel][row][gate][lane], or gate by gate
// [panel][gate][row][lane], zeros for units past the last.
// A folded panel is [row][kFold][lane], zeros for gates past the last too.
#include "recurrence/packing.h"

#include <algorithm>
#include <vector>

#include "kernels/bfloat16.h"

namespace gatewise {
namespace {

// `source` is row-major (rows, columns) where column (first_gate + g) * units + u is gate g of unit u.
template <class T>
struct Unpacked {
  const T* source;
  Index rows;
  Index columns;
  Index units;
  Index first_gate;
  Index gates;

  T at(Index row, Index gate, Index unit) const {
    return gate < gates && unit < units ? source[row * columns + (first_gate + gate) * units + unit] : T(0);
  }
};

// The next `panels` panels from the unit `first` on, of `gates` times `lanes` numbers a row; returns their end.
template <class T>
T* pack(T* to, const Unpacked<T>& from, Index first, Index panels, Index gates, Index lanes) {
  for (Index panel = 0; panel < panels; ++panel, first += lanes) {
    for (Index row = 0; row < from.rows; ++row) {
      for (Index gate = 0; gate < gates; ++gate) {
        if (gate < from.gates && first + lanes <= from.units) {
          const T* const whole = from.source + row * from.columns + (from.first_gate + gate) * from.units + first;
          to = std::copy(whole, whole + lanes, to);
          continue;
        }
        for (Index lane = 0; lane < lanes; ++lane) *to++ = from.at(row, gate, first + lane);
      }
    }
  }
  return to;
}

// All panels, gate by gate.
template <class T>
void pack_by_gate(T* to, const Unpacked<T>& from, Index panels, Index lanes) {
  Unpacked<T> one = from;
  one.gates = 1;
  for (Index panel = 0; panel < panels; ++panel) {
    for (Index gate = 0; gate < from.gates; ++gate) {
      one.first_gate = from.first_gate + gate;
      to = pack(to, one, panel * lanes, 1, 1, lanes);
    }
  }
}

// Lanes that pairs of `count` numbers take, in whole tiles.
Index whole_tiles(Index count) { return (count + 2 * kTilePairs - 1) / (2 * kTilePairs) * kTilePairs; }

// What `pack` has packed, (panels, rows, gates, width), for tiles: [panel][tile of pairs][part][gate][pair][lane].
void pack_tiles(float* to, const float* packed, Index panels, Index rows, int gates, Index width, int parts) {
  const Index row_size = gates * width;
  for (Index panel = 0; panel < panels; ++panel, packed += rows * row_size) {
    for (Index first = 0; first < rows; first += 2 * kTilePairs) {
      for (int part = 0; part < parts; ++part) {
        for (Index at = 0; at < row_size * kTilePairs; ++at, ++to) {
          const Index gate = at / (width * kTilePairs);
          const Index row = first + at / width % kTilePairs * 2;
          const float* from = packed + row * row_size + gate * width + at % width;
          const std::uint16_t pair[2] = {row < rows ? part_of(from[0], part) : std::uint16_t(0),
                                         row + 1 < rows ? part_of(from[row_size], part) : std::uint16_t(0)};
          std::memcpy(to, pair, sizeof pair);
        }
      }
    }
  }
}

// The bias in one row a sum. A second row belongs to the state: it is added to the first, but where the state's share
// of a sum stays apart.
template <class T>
std::vector<T> bias_rows(const CellFacts& cell, const T* bias, Index units) {
  std::vector<T> rows(static_cast<std::size_t>(cell.sums() * units), T(0));
  if (bias == nullptr) return rows;
  const bool two = cell.weights[kBiasAt].rows_of_gates() == 2;
  for (int i = 0; i < cell.phases.size(); ++i) {
    const PhaseFacts& phase = cell.phases[i];
    for (int gate = 0; gate < phase.gates; ++gate) {
      T* const to = rows.data() + (cell.sums_before(i) + gate) * units;
      const T* const input = bias + (phase.first_gate + gate) * units;
      std::copy(input, input + units, to);
      if (!two) continue;
      const T* const state = input + cell.gate_count() * units;
      if (phase.sums != phase.gates && gate + 1 == phase.gates) {
        std::copy(state, state + units, to + units);
      } else {
        for (Index u = 0; u < units; ++u) to[u] += state[u];
      }
    }
  }
  return rows;
}

// The rows of the weights that units have of their own, one after the other.
template <class T>
std::vector<T> unit_rows(const CellFacts& cell, const Weights<T>& weights, Index units) {
  std::vector<T> rows;
  for (int i = 0; i < cell.weights.size(); ++i) {
    const auto count = static_cast<std::size_t>(cell.weights[i].rows_of_units() * units);
    const T* const own = weights.at[i];
    if (own != nullptr) {
      rows.insert(rows.end(), own, own + count);
    } else {
      rows.resize(rows.size() + count, T(0));
    }
  }
  return rows;
}

// [panel][row][lane]; of a folded panel, each of its few units kFold times.
template <class T>
void pack_unit_rows(T* to, const std::vector<T>& rows, const PackedLayer<T>& layer) {
  const Index count = facts(layer.cell).unit_rows();
  for (Index panel = 0; panel < layer.panels; ++panel) {
    const Index lanes = panel < layer.whole_panels() ? layer.width : layer.width / kFold;
    for (Index row = 0; row < count; ++row) {
      for (Index lane = 0; lane < layer.width; ++lane) {
        const Index unit = panel * layer.width + lane % lanes;
        *to++ = unit < layer.units ? rows[static_cast<std::size_t>(row * layer.units + unit)] : T(0);
      }
    }
  }
}

// Weights in one piece: `input_rows` and `recurrent_rows` of the layer must be set. Calls `fill(phase, its facts,
// input, recurrent, bias)` for each phase, and `fill_units(own)`.
template <class T, class Fill, class FillUnits>
void lay_out(Packing<T>& packed, Fill fill, FillUnits fill_units) {
  PackedLayer<T>& layer = packed.layer;
  const CellFacts& cell = facts(layer.cell);
  Index total = cell.unit_rows();
  for (const PhaseFacts& phase : cell.phases) {
    total += (layer.input_rows + layer.recurrent_rows) * phase.gates + phase.sums;
  }
  auto* at = static_cast<T*>(packed.memory.reserve(static_cast<std::size_t>(total * layer.padded()) * sizeof(T)));
  for (int i = 0; i < cell.phases.size(); ++i) {
    const PhaseFacts& phase = cell.phases[i];
    T* const input = at;
    T* const recurrent = input + layer.input_rows * phase.gates * layer.padded();
    T* const bias = recurrent + layer.recurrent_rows * phase.gates * layer.padded();
    at = bias + phase.sums * layer.padded();
    layer.phase[i] = {input, recurrent, bias};
    fill(i, phase, input, recurrent, bias);
  }
  layer.unit_weights = at;
  fill_units(at);
}

}  // namespace

template <class T>
Packing<T> pack_for_vectors(PackedLayer<T> layer, const Weights<T>& weights) {
  Packing<T> packed;
  layer.input_rows = layer.inputs;
  const CellFacts& cell = facts(layer.cell);
  layer.recurrent_rows = cell.state_rows(layer.units);
  packed.layer = layer;
  const Index units = layer.units;
  const Index whole = layer.whole_panels();
  const Index columns = cell.gate_count() * units;
  const std::vector<T> bias_of = bias_rows(cell, weights.at[kBiasAt], units);
  const auto bias_columns = static_cast<Index>(bias_of.size());
  const auto fold = [&](T* to, const Unpacked<T>& from) {
    return layer.folded ? pack(to, from, whole * layer.width, 1, kFold, layer.width / kFold) : to;
  };
  const auto fill = [&](int i, const PhaseFacts& phase, T* input, T* recurrent, T* bias) {
    const auto put = [&](T* to, int weight, Index rows) {
      const Unpacked<T> from{weights.at[weight], rows, columns, units, phase.first_gate, phase.gates};
      if (layer.by_gate) return pack_by_gate(to, from, layer.panels, layer.width);
      fold(pack(to, from, 0, whole, phase.gates, layer.width), from);
    };
    put(input, kKernelAt, layer.inputs);
    put(recurrent, kRecurrentKernelAt, layer.recurrent_rows);
    // A folded panel whose last sum begins anew for the state finds the bias of that sum where the gate's was.
    const int first = cell.sums_before(i);
    Unpacked<T> sums{bias_of.data(), 1, bias_columns, units, first, phase.sums};
    bias = pack(bias, sums, 0, whole, phase.sums, layer.width);
    sums.gates = phase.gates;
    for (; sums.first_gate + phase.gates <= first + phase.sums; ++sums.first_gate) bias = fold(bias, sums);
  };
  lay_out(packed, fill, [&](T* own) { pack_unit_rows(own, unit_rows(cell, weights, units), layer); });
  return packed;
}

Packing<float> pack_for_tiles(const PackedLayer<float>& from, int parts) {
  Packing<float> packed;
  PackedLayer<float>& layer = packed.layer;
  layer = from;
  layer.parts = parts;
  layer.input_rows = whole_tiles(from.inputs) * parts;
  layer.recurrent_rows = whole_tiles(from.units) * parts;
  const auto fill = [&](int i, const PhaseFacts& facts, float* input, float* recurrent, float* bias) {
    const PackedPhase<float>& phase = from.phase[i];
    pack_tiles(input, phase.input, from.panels, from.input_rows, facts.gates, from.width, parts);
    pack_tiles(recurrent, phase.recurrent, from.panels, from.recurrent_rows, facts.gates, from.width, parts);
    std::copy(phase.bias, phase.bias + facts.sums * from.padded(), bias);
  };
  lay_out(packed, fill, [&](float* own) {
    std::copy(from.unit_weights, from.unit_weights + facts(from.cell).unit_rows() * from.padded(), own);
  });
  return packed;
}

template <class T>
T* pack_turned(T* to, const T* matrix, Index units, Index columns_in_all, Columns columns, Index width) {
  constexpr Index block = 64;  // columns that are turned together, while what is written is near
  for (Index first_unit = 0; first_unit < units; first_unit += width, to += columns.count * width) {
    for (Index first = 0; first < columns.count; first += block) {
      const Index end = std::min(first + block, columns.count);
      for (Index lane = 0; lane < width; ++lane) {
        const Index unit = first_unit + lane;
        const T* const from = matrix + unit * columns_in_all + columns.first;
        for (Index k = first; k < end; ++k) to[k * width + lane] = unit < units ? from[k] : T(0);
      }
    }
  }
  return to;
}

template float* pack_turned(float*, const float*, Index, Index, Columns, Index);
template double* pack_turned(double*, const double*, Index, Index, Columns, Index);
template Packing<float> pack_for_vectors(PackedLayer<float> layer, const Weights<float>& weights);
template Packing<double> pack_for_vectors(PackedLayer<double> layer, const Weights<double>& weights);

}  // namespace gatewise
