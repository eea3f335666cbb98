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

extern Index run_tiles(const Part<float>& part);
Index run_tiles(const Part<float>& part) {
  if (part.layer.parts == 1) return run_part<float, Parts<1>::Operands>(part);
  return run_part<float, Parts<kFloatParts>::Operands>(part);
}

}  // namespace gatewise::GATEWISE_ISA
