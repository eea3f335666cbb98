// Products on AMX's tile registers: compiled for machines that have them, in a namespace of its own.
#include "kernels/amx_tiles.h"
#include "recurrence/dispatch.h"
#include "recurrence/pairs.h"

namespace gatewise::GATEWISE_ISA {
namespace {

template <int kParts>
struct Parts {
  template <class C>
  using Operands = PairOperands<float, C, AmxTiles<kParts>>;
};

}  // namespace

extern void run_tiles(const PackedLayer<float>& layer, const Sequence<float>& call, const Division& division,
                      const Workspace<float>& space, Team& team, Index member);
void run_tiles(const PackedLayer<float>& layer, const Sequence<float>& call, const Division& division,
               const Workspace<float>& space, Team& team, Index member) {
  const Part<float> part{layer, call, division, space, team, member};
  if (layer.parts == 1) return run_part<float, Parts<1>::Operands>(part);
  run_part<float, Parts<kFloatParts>::Operands>(part);
}

}  // namespace gatewise::GATEWISE_ISA
