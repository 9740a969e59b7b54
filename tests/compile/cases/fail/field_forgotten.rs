struct Page {
    url: String,
    size: u64,
}
commonhold::transfer!(Page { url });

fn main() {}
