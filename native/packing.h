// Weights in the order in which the micro-kernel reads them: [panel][row][gate][lane], zeros for units past the last.
#pragma once

#include "engine.h"

namespace gatewise {

// `source` is row-major (rows, columns) where column (first_gate + g) * units + u is gate g of unit u.
template <class T>
void pack(T* to, const T* source, Index rows, Index columns, Index units, Index width, Index first_gate, int gates) {
  for (Index panel = 0; panel * width < units; ++panel) {
    for (Index row = 0; row < rows; ++row) {
      for (Index gate = 0; gate < gates; ++gate) {
        for (Index lane = 0; lane < width; ++lane) {
          const Index unit = panel * width + lane;
          *to++ = unit < units ? source[row * columns + (first_gate + gate) * units + unit] : T(0);
        }
      }
    }
  }
}

}  // namespace gatewise
