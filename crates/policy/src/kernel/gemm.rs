//! The one loop nest behind every matrix product: C ← finish(init + A·B), in tiles that live in registers.

use super::tanh::Tanh;
use super::vector::Vector;
use super::{Activation, Finish, Gemm, Init, Thin, Transpose};

/// Rows of the tallest tile.
const ROWS: usize = 8;

/// How many rows a tile of `columns` registers has at most: its sums, a row of B and a broadcast of A fit into the
/// register file.
const fn rows_beside(columns: usize, registers: usize) -> usize {
    let rows = (registers - 1 - columns) / columns;
    if rows < ROWS { rows } else { ROWS }
}

/// So many rows of a panel of B stay in the cache while the tiles of a column go over them.
const DEPTH: usize = 256;

/// # Safety
/// The processor must have the instructions of `V`, and `g` must have passed [`Gemm::check`].
#[inline(always)]
pub(super) unsafe fn gemm<T: Tanh, V: Vector<T>>(g: &mut Gemm<'_, T>) {
    if g.m == 0 || g.n == 0 {
        return;
    }
    let mut done = 0;
    loop {
        let depth = DEPTH.min(g.k - done);
        let last = done + depth == g.k;
        // The sums of the rows before are gone on with, as without blocks.
        let mut block = Gemm {
            k: depth,
            a: &g.a[done * g.a_k..],
            b: &g.b[done * g.b_row..],
            c: &mut *g.c,
            init: if done == 0 { g.init } else { Init::Accumulate },
            finish: if last { g.finish } else { Finish::Keep },
            ..*g
        };
        // SAFETY: the caller's promise; a block is a part of the checked product.
        unsafe { panels::<T, V>(&mut block) };
        done += depth;
        if last {
            return;
        }
    }
}

/// All columns, panel by panel.
#[inline(always)]
unsafe fn panels<T: Tanh, V: Vector<T>>(g: &mut Gemm<'_, T>) {
    // One or two rows take wide tiles: as many sums at a time as hide the latency of the multiply-add.
    let widest = if g.m <= 2 { V::WIDE_TILE } else { V::TILE };
    let mut column = 0;
    while column < g.n {
        let left = (g.n - column) / V::LANES;
        // SAFETY: the caller's promise; the panels cover the columns 0..n, a multiple of LANES.
        unsafe {
            match left.min(widest) {
                4 => panel::<T, V, 4>(g, column),
                3 => panel::<T, V, 3>(g, column),
                2 => panel::<T, V, 2>(g, column),
                _ => panel::<T, V, 1>(g, column),
            }
        }
        column += left.clamp(1, widest) * V::LANES;
    }
}

/// All rows of the `N` registers of columns from `column` on, in tiles that differ by one row at most: a short one would
/// wait for its own multiply-adds.
#[inline(always)]
unsafe fn panel<T: Tanh, V: Vector<T>, const N: usize>(g: &mut Gemm<'_, T>, column: usize) {
    let most = const { rows_beside(N, V::REGISTERS) };
    let tiles = g.m.div_ceil(most);
    let mut row = 0;
    for i in 0..tiles {
        let rows = g.m / tiles + usize::from(i < g.m % tiles);
        // SAFETY: the caller's promise; the tiles cover the rows 0..m.
        unsafe {
            match rows {
                8 if most >= 8 => tile::<T, V, 8, N>(g, row, column),
                7 if most >= 7 => tile::<T, V, 7, N>(g, row, column),
                6 if most >= 6 => tile::<T, V, 6, N>(g, row, column),
                5 if most >= 5 => tile::<T, V, 5, N>(g, row, column),
                4 if most >= 4 => tile::<T, V, 4, N>(g, row, column),
                3 if most >= 3 => tile::<T, V, 3, N>(g, row, column),
                2 if most >= 2 => tile::<T, V, 2, N>(g, row, column),
                _ => tile::<T, V, 1, N>(g, row, column),
            }
        }
        row += rows;
    }
}

/// One tile of C: `M` rows from `row` on, `N` registers of columns from `column` on. The sum over k runs in
/// order for every element, so that the result does not depend on the tile in which an element falls.
///
/// The loops over `M` and `N` have constant bounds and small bodies, so that they unroll and the sums stay in
/// registers; what is done to the finished sums works on C in memory, where it is in the first-level cache.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "index loops unroll where iterators leave the array in memory")]
unsafe fn tile<T: Tanh, V: Vector<T>, const M: usize, const N: usize>(
    g: &mut Gemm<'_, T>,
    row: usize,
    column: usize,
) {
    // SAFETY: rows row..row+M and columns column..column+N·LANES lie inside the checked C, and so do the
    // elements of A and B with k < g.k.
    unsafe {
        let c = g.c.as_mut_ptr().add(row * g.c_row + column);
        let mut sum = [[V::splat(T::zero()); N]; M];
        match g.init {
            Init::Zero => {}
            Init::Bias(bias) => {
                for n in 0..N {
                    let b = V::load(bias.as_ptr().add(column + n * V::LANES));
                    for m in 0..M {
                        sum[m][n] = b;
                    }
                }
            }
            Init::Accumulate => {
                for m in 0..M {
                    for n in 0..N {
                        sum[m][n] = V::load(c.add(m * g.c_row + n * V::LANES));
                    }
                }
            }
        }
        let (a_row, a_k, b_row) = (g.a_row, g.a_k, g.b_row);
        let mut a = g.a.as_ptr().add(row * a_row);
        let mut b = g.b.as_ptr().add(column);
        for _ in 0..g.k {
            let mut b_vectors = [V::splat(T::zero()); N];
            for n in 0..N {
                b_vectors[n] = V::load(b.add(n * V::LANES));
            }
            for m in 0..M {
                let x = V::splat(*a.add(m * a_row));
                for n in 0..N {
                    sum[m][n] = x.mul_add(b_vectors[n], sum[m][n]);
                }
            }
            a = a.wrapping_add(a_k);
            b = b.wrapping_add(b_row);
        }
        finish::<T, V, M, N>(g, row * g.c_row + column, sum);
    }
}

/// Does what is to be done to the finished sums of a tile of C that begins at `at`, and stores them.
///
/// A macro makes the rows, not a loop or a function with a closure: a loop of this size might not unroll, which would put the
/// sums into memory, and closures need not be inlined, so that outside of the function that enables the instructions every
/// operation on a register would be a call.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "index loops unroll where iterators leave the array in memory")]
unsafe fn finish<T: Tanh, V: Vector<T>, const M: usize, const N: usize>(
    g: &mut Gemm<'_, T>,
    at: usize,
    sum: [[V; N]; M],
) {
    // SAFETY: a tile of the checked C, and of y, which is laid out as C.
    unsafe {
        let (c, c_row) = (g.c.as_mut_ptr().add(at), g.c_row);
        macro_rules! rows {
            ($each:ident) => {
                $each!(0);
                $each!(1);
                $each!(2);
                $each!(3);
                $each!(4);
                $each!(5);
                $each!(6);
                $each!(7);
            };
        }
        macro_rules! each {
            (|$i:ident, $sum:ident| $result:expr) => {{
                macro_rules! row {
                    ($m:literal) => {
                        if $m < M {
                            for n in 0..N {
                                let $i = $m * c_row + n * V::LANES;
                                let $sum = sum[$m % M][n];
                                $result.store(c.add($i));
                            }
                        }
                    };
                }
                rows!(row);
            }};
        }
        match g.finish {
            Finish::Keep
            | Finish::Activate(Activation::Identity)
            | Finish::Derivative(Activation::Identity, _) => each!(|i, sum| sum),
            Finish::Activate(Activation::Tanh) => {
                macro_rules! row {
                    ($m:literal) => {
                        if $m < M {
                            let (row, c) = (sum[$m % M], c.add($m * c_row));
                            // The same columns are a pair in tiles of every size.
                            if N >= 2 {
                                let [a, b] = V::tanh_pair([row[0], row[1 % N]]);
                                a.store(c);
                                b.store(c.add(V::LANES));
                            }
                            if N == 4 {
                                let [a, b] = V::tanh_pair([row[2 % N], row[3 % N]]);
                                a.store(c.add(2 * V::LANES));
                                b.store(c.add(3 * V::LANES));
                            }
                            if N % 2 == 1 {
                                row[N - 1].tanh().store(c.add((N - 1) * V::LANES));
                            }
                        }
                    };
                }
                rows!(row);
            }
            Finish::Activate(Activation::Relu) => each!(|i, sum| sum.max(V::splat(T::zero()))),
            Finish::Derivative(Activation::Tanh, y) => {
                let y = y.as_ptr().add(at);
                each!(|i, sum| {
                    let y = V::load(y.add(i));
                    sum.mul(V::splat(T::one()).sub(y.mul(y)))
                });
            }
            Finish::Derivative(Activation::Relu, y) => {
                let y = y.as_ptr().add(at);
                each!(|i, sum| V::load(y.add(i)).where_positive(sum));
            }
        }
    }
}

/// y[r][j] = bias[j] + x[r]·w[j] for few outputs j: dot products along the inputs, where a tile of columns
/// would be mostly padding. What stands behind a row's `k` inputs is not read: an infinite input makes NaN of the
/// zeros there.
///
/// # Safety
/// The processor must have the instructions of `V`, and `t` must have passed [`Thin::check`].
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "index loops unroll where iterators leave the array in memory")]
pub(super) unsafe fn thin<T: Tanh, V: Vector<T>>(t: &mut Thin<'_, T>) {
    /// Rows at a time, so that their sums do not wait for one another.
    const BLOCK: usize = 4;
    let mut row = 0;
    while row < t.rows {
        let block = BLOCK.min(t.rows - row);
        for j in 0..t.n {
            // SAFETY: the check covers `rows` rows of x and y, and `n` rows of w, each of the width k.
            unsafe {
                // A block that is not full does its last row again.
                let mut x = [t.x.as_ptr(); BLOCK];
                for i in 0..BLOCK {
                    x[i] = t.x.as_ptr().add((row + i.min(block - 1)) * t.x_row);
                }
                let w = t.w.as_ptr().add(j * t.w_row);
                let mut sums = [V::splat(T::zero()); BLOCK];
                let mut k = 0;
                while k + V::LANES <= t.k {
                    let w = V::load(w.add(k));
                    for i in 0..BLOCK {
                        sums[i] = V::load(x[i].add(k)).mul_add(w, sums[i]);
                    }
                    k += V::LANES;
                }
                let mut rest = [T::zero(); BLOCK];
                while k < t.k {
                    for i in 0..BLOCK {
                        rest[i] += *x[i].add(k) * *w.add(k);
                    }
                    k += 1;
                }
                for i in 0..BLOCK {
                    if i < block {
                        t.y[(row + i) * t.y_row + j] = t.bias[j] + (sums[i].sum() + rest[i]);
                    }
                }
            }
        }
        row += BLOCK;
    }
}

/// Replaces every value by its tanh.
///
/// # Safety
/// The processor must have the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn tanh<T: Tanh, V: Vector<T>>(values: &mut [T]) {
    let mut chunks = values.chunks_exact_mut(V::LANES);
    for chunk in &mut chunks {
        // SAFETY: a chunk is as long as a register.
        unsafe { V::load(chunk.as_ptr()).tanh().store(chunk.as_mut_ptr()) };
    }
    let rest = chunks.into_remainder();
    // No register is longer than the padding.
    let mut last = [T::zero(); super::PAD];
    last[..rest.len()].copy_from_slice(rest);
    // SAFETY: as above.
    unsafe { V::load(last.as_ptr()).tanh().store(last.as_mut_ptr()) };
    rest.copy_from_slice(&last[..rest.len()]);
}

/// B ← Aᵀ in blocks of 8×8.
///
/// # Safety
/// The processor must have the instructions of `V`, and `t` must have passed [`Transpose::check`].
#[inline(always)]
pub(super) unsafe fn transpose<T: Tanh, V: Vector<T>>(t: &mut Transpose<'_, T>) {
    const BLOCK: usize = 8;
    let (full_rows, full_columns) = (t.rows / BLOCK * BLOCK, t.columns / BLOCK * BLOCK);
    for i in (0..full_rows).step_by(BLOCK) {
        for j in (0..full_columns).step_by(BLOCK) {
            // SAFETY: the check covers `rows` rows of `columns` in A, and the other way round in B.
            unsafe {
                let from = t.from.as_ptr().add(i * t.columns + j);
                V::transpose_block(from, t.columns, t.to.as_mut_ptr().add(j * t.to_row + i), t.to_row);
            }
        }
    }
    for i in 0..t.rows {
        let rest = if i < full_rows { full_columns } else { 0 };
        for j in rest..t.columns {
            t.to[j * t.to_row + i] = t.from[i * t.columns + j];
        }
    }
}
