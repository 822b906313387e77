mod book;
mod fight;
mod live;
