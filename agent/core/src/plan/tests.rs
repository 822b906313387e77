mod apply;
mod model;
mod prune;
mod world;
