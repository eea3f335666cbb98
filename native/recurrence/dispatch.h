// From a layer, whose cell and activations are known when it is made, to the code compiled for them.
#pragma once

#include "cells/list.h"
#include "kernels/activations.h"
#include "recurrence/driver.h"

namespace gatewise::GATEWISE_ISA {

// The usual activations are inlined, the others called; of float64 all are called.
template <class T, class C, class Operands>
const Equations<T, C, Operands>& equations_for(const PackedLayer<T>& layer) {
  static constexpr auto kAny = equations_of<T, C, Operands, Chosen<T>, Chosen<T>>();
  if constexpr (sizeof(T) == sizeof(float)) {
    static constexpr auto kUsual =
        equations_of<T, C, Operands, Fixed<T, Activation::tanh>, Fixed<T, Activation::sigmoid>>();
    if (layer.activation == Activation::tanh && layer.recurrent_activation == Activation::sigmoid) return kUsual;
  }
  return kAny;
}

// `OperandsOf<C>` are the operands of the cell C.
template <class T, template <class> class OperandsOf>
Index run_part(const Part<T>& part) {
  Index step = 0;
  with_cell(part.layer.cell, [&](auto cell) {
    using C = decltype(cell);
    using Operands = OperandsOf<C>;
    step = Driver<T, C, Operands>(part, equations_for<T, C, Operands>(part.layer)).run(part.from);
  });
  return step;
}

}  // namespace gatewise::GATEWISE_ISA
