//! What a run writes down while it trains: a table of metrics and the same for TensorBoard.

mod csv;
mod csv_table;
mod tensorboard;

pub use csv::{MetricsCsv, MetricsError};
pub use csv_table::Table;
pub use tensorboard::TensorBoardWriter;
