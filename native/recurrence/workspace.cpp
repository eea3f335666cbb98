#include "recurrence/workspace.h"

#include "base/costs.h"

namespace gatewise {
namespace {

std::size_t rounded(std::size_t bytes) { return (bytes + costs::kLine - 1) / costs::kLine * costs::kLine; }

template <class T>
std::size_t bytes_of(Index numbers) {
  return rounded(static_cast<std::size_t>(numbers) * sizeof(T));
}

// Bytes of each array of the workspace, as one member has it.
struct ArrayBytes {
  std::size_t field = 0;
  std::size_t field_pairs = 0;
  std::size_t inputs = 0;  // as pairs
  std::size_t ahead = 0;
  std::size_t factored = 0;
};

template <class T>
ArrayBytes bytes_of(const PackedLayer<T>& layer, const Division& division, const Workspace<T>& space) {
  const std::size_t apart = division.threads > 1 ? costs::kApart : 0;
  ArrayBytes bytes;
  bytes.field = bytes_of<T>(division.rows * space.stride) + apart;
  if (division.ahead) {
    const Index row = layer.padded() * facts(layer.cell).gate_count();
    bytes.ahead = bytes_of<T>(division.chunk * division.rows * row) + apart;
  }
  if (layer.by_gate) {
    const Index rows = division.rows * facts(layer.cell).gate_count();
    bytes.factored = bytes_of<T>(rows * space.stride) + bytes_of<T>(rows * layer.inputs) + apart;
  }
  if (layer.parts != 0) {
    bytes.field_pairs = bytes_of<T>(division.rows * space.pair_stride) + apart;
    bytes.inputs = bytes_of<T>((division.ahead ? division.chunk : 1) * division.rows * layer.input_rows) + apart;
  }
  return bytes;
}

// Distances between rows: what the members' arrays are made of.
template <class T>
Workspace<T> make_strides(const PackedLayer<T>& layer) {
  constexpr auto line = static_cast<Index>(costs::kLine / sizeof(T));
  const bool even = static_cast<std::size_t>(layer.padded()) * sizeof(T) % costs::kSameSets == 0;
  Workspace<T> space;
  space.stride = layer.padded() + (even ? line : 0);
  if (layer.parts != 0) {
    space.input_stride = layer.input_rows;
    space.pair_stride = layer.recurrent_rows + line;
  }
  return space;
}

}  // namespace

template <class T>
Workspace<T> make_workspace(Buffer& buffer, const PackedLayer<T>& layer, const Division& division) {
  const CellFacts& cell = facts(layer.cell);
  const auto members = static_cast<std::size_t>(division.threads);
  const std::size_t owners = division.split_units ? 1 : members;  // of states
  Workspace<T> space = make_strides(layer);
  const ArrayBytes bytes = bytes_of(layer, division, space);
  const std::size_t fields = static_cast<std::size_t>(cell.fields()) + 1;  // the output is there twice
  std::size_t sources = 2;
  for (int f = kOutput + 1; f < cell.fields(); ++f) sources += cell.is_source(f) ? 1 : 0;
  auto* at = static_cast<char*>(buffer.reserve((fields * bytes.field + sources * bytes.field_pairs) * owners +
                                               (bytes.ahead + bytes.inputs + bytes.factored) * members));
  const auto next = [&at](std::size_t size) {
    T* here = reinterpret_cast<T*>(at);
    at += size;
    return here;
  };
  if (owners > 1) {
    space.field_size = static_cast<Index>(bytes.field / sizeof(T));
    space.pairs_size = static_cast<Index>(bytes.field_pairs / sizeof(T));
  }
  for (T*& output : space.output) output = next(bytes.field * owners);
  for (int f = kOutput + 1; f < cell.fields(); ++f) space.fields[f] = next(bytes.field * owners);
  if (layer.parts != 0) {
    for (T*& pairs : space.output_pairs) pairs = next(bytes.field_pairs * owners);
    for (int f = kOutput + 1; f < cell.fields(); ++f) {
      if (cell.is_source(f)) space.field_pairs[f] = next(bytes.field_pairs * owners);
    }
    space.inputs = next(bytes.inputs * members);
    space.inputs_size = static_cast<Index>(bytes.inputs / sizeof(T));
  }
  space.ahead = next(bytes.ahead * members);
  space.ahead_size = static_cast<Index>(bytes.ahead / sizeof(T));
  space.factored = next(bytes.factored * members);
  space.factored_inputs = space.factored;
  if (layer.by_gate) space.factored_inputs += division.rows * cell.gate_count() * space.stride;
  space.factored_size = static_cast<Index>(bytes.factored / sizeof(T));
  return space;
}

template Workspace<float> make_workspace(Buffer&, const PackedLayer<float>&, const Division&);
template Workspace<double> make_workspace(Buffer&, const PackedLayer<double>&, const Division&);

}  // namespace gatewise
