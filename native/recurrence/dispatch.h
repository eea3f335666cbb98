// From a layer, whose cell and activations are known when it is made, to the code compiled for them.
#pragma once

#include "cells/list.h"
#include "kernels/activations.h"
#include "recurrence/driver.h"

namespace gatewise::GATEWISE_ISA {

// The usual activations are inlined, the others called; of float64, without fused products, and for cells that multiply
// no state and usually have others, all are called.
template <class T>
constexpr bool has_usual(Activation activation, Activation recurrent_activation) {
  return kFused && sizeof(T) == sizeof(float) && activation == Activation::tanh &&
         recurrent_activation == Activation::sigmoid;
}

template <class T, class C, class Operands, bool kReserves>
const Equations<T, C, Operands>& equations_for(const PackedLayer<T>& layer) {
  static constexpr auto kAny = equations_of<T, C, Operands, Chosen<T>, Chosen<T>, kReserves>();
  if constexpr (has_usual<T>(Activation::tanh, Activation::sigmoid) && facts_of<C>().multiplies()) {
    static constexpr auto kUsual =
        equations_of<T, C, Operands, Fixed<T, Activation::tanh>, Fixed<T, Activation::sigmoid>, kReserves>();
    if (has_usual<T>(layer.activation, layer.recurrent_activation)) return kUsual;
  }
  return kAny;
}

template <class T, class C, class Operands>
const Equations<T, C, Operands>& equations_for(const PackedLayer<T>& layer, const Sequence<T>& call) {
  if constexpr (!Operands::kBeside && facts_of<C>().goes_back) {
    if (call.reserve != nullptr) return equations_for<T, C, Operands, true>(layer);
  }
  return equations_for<T, C, Operands, false>(layer);
}

// `OperandsOf<C>` are the operands of the cell C.
template <class T, template <class> class OperandsOf>
Index run_part(const Part<T>& part) {
  Index step = 0;
  with_cell(part.layer.cell, [&](auto cell) {
    using C = decltype(cell);
    using Operands = OperandsOf<C>;
    if constexpr (has_type<T>(facts_of<C>()) && !(Operands::kBeside && facts_of<C>().rare)) {
      step = Driver<T, C, Operands>(part, equations_for<T, C, Operands>(part.layer, part.call)).run(part.from);
    }
  });
  return step;
}

}  // namespace gatewise::GATEWISE_ISA
