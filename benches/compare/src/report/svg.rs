//! Makes plots fit for a page and for a file, in the light and in the dark.

/// What the plots draw in black takes the colour of the text around it, and the size of its place.
pub fn inline(svg: &str) -> String {
    let svg = svg.replace("#000000", "currentColor");
    let Some(end) = svg.find('>') else { return svg };
    let (open, rest) = svg.split_at(end);
    let open: Vec<&str> = open
        .split_inclusive(' ')
        .filter(|part| !part.starts_with("width=") && !part.starts_with("height="))
        .collect();
    format!("{}{rest}", open.concat())
}

/// The same as a file, which finds out by itself whether it is dark.
pub fn file(svg: &str) -> String {
    const STYLE: &str = "<style>svg{color:#1f2328;font-family:system-ui,sans-serif}\
                         @media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>";
    let svg = svg.replace("#000000", "currentColor");
    match svg.find('>') {
        Some(end) => format!("{}>{STYLE}{}", &svg[..end], &svg[end + 1..]),
        None => svg,
    }
}
