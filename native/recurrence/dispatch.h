// From a layer, whose cell and activations are known when it is made, to the code compiled for them.
#pragma once

#include "cells/list.h"
#include "kernels/activations.h"
#include "recurrence/driver.h"

namespace gatewise::GATEWISE_ISA {

// What the functions of `Kernels` take: one call, divided, and the member of the team whose share is done.
template <class T>
struct Part {
  const PackedLayer<T>& layer;
  const Sequence<T>& call;
  const Division& division;
  const Workspace<T>& space;
  Team& team;
  Index member;
};

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
void run_part(const Part<T>& part) {
  with_cell(part.layer.cell, [&](auto cell) {
    using C = decltype(cell);
    using Operands = OperandsOf<C>;
    Driver<T, C, Operands>(part.layer, part.call, part.division, part.space, part.team, part.member,
                           equations_for<T, C, Operands>(part.layer))
        .run();
  });
}

}  // namespace gatewise::GATEWISE_ISA
