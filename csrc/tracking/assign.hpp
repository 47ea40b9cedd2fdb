// The optimal one-to-one assignment of rows to columns, for the few faces of a frame.
#pragma once

#include <vector>

namespace trtswap {

// The matching with the largest sum of benefits, exact: the column of each row, -1 for none.
//
// benefits: finite, row by row; a pair that is not above 0 is never matched.
std::vector<int> assign(const double* benefits, int rows, int columns);

} // namespace trtswap
