// Compiled once for each instruction set; GATEWISE_ISA names it and its namespace.
#include <type_traits>

#include "cells/gru.h"
#include "cells/gru_reset_after.h"
#include "cells/lstm.h"
#include "cells/simple_rnn.h"
#include "recurrence/driver.h"

namespace gatewise::GATEWISE_ISA {
namespace {

template <class T, class CellType>
void run_cell(const Layer<T>& layer, const Sequence<T>& call, const Plan& plan, const Workspace<T>& space, Team& team,
              Index member) {
  const bool usual = layer.activation == Activation::tanh && layer.recurrent_activation == Activation::sigmoid;
  if (usual) {
    using Act = Fixed<T, Activation::tanh>;
    using Gate = Fixed<T, Activation::sigmoid>;
    Driver<T, CellType, Act, Gate, VectorTiles<T>>(layer, call, plan, space, team, member, Act{}, Gate{}).run();
  } else {
    using Any = Chosen<T>;
    Driver<T, CellType, Any, Any, VectorTiles<T>>(layer, call, plan, space, team, member, Any{layer.activation},
                                                  Any{layer.recurrent_activation})
        .run();
  }
}

template <class T>
void run(const Layer<T>& layer, const Sequence<T>& call, const Plan& plan, const Workspace<T>& space, Team& team,
         Index member) {
  switch (layer.cell) {
    case Cell::simple:
      return run_cell<T, SimpleRnn>(layer, call, plan, space, team, member);
    case Cell::lstm:
      return run_cell<T, Lstm>(layer, call, plan, space, team, member);
    case Cell::gru:
      return run_cell<T, Gru>(layer, call, plan, space, team, member);
    case Cell::gru_reset_after:
      return run_cell<T, GruResetAfter>(layer, call, plan, space, team, member);
  }
}

}  // namespace

#define GATEWISE_STRING_(x) #x
#define GATEWISE_STRING(x) GATEWISE_STRING_(x)

extern const Kernels kKernels;
const Kernels kKernels = {
    GATEWISE_STRING(GATEWISE_ISA), kWidth<float>, kWidth<double>, &run<float>, &run<double>, nullptr};

}  // namespace gatewise::GATEWISE_ISA
