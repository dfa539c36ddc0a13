use chunkref_manifest::{Attribute, CitationRecord, Collection, Manifest};

use super::{Citation, NotKnown, bibtex};

/// The collection of the talk, with this creator.
fn mur(creator: Option<&str>) -> Manifest {
    let mut citation = CitationRecord::default();
    citation.creator = creator.map(str::to_owned);
    citation.title = Some("GHRSST Level 4 MUR Global Foundation SST Analysis".to_owned());
    citation.release_date = Some("2015-03-11".to_owned());
    citation.publisher = Some("JPL NASA".to_owned());
    let mut collection = Collection::default();
    collection.concept_id = Some("C1996881146-POCLOUD".to_owned());
    collection.short_name = Some("MUR-JPL-L4-GLOB-v4.1".to_owned());
    collection.version = Some("4.1".to_owned());
    collection.doi = Some("10.5067/GHGMR-4FJ04".to_owned());
    collection.citation = Some(citation);
    let mut manifest = Manifest::default();
    manifest.provenance.collection = Some(collection);
    manifest
}

#[test]
fn a_full_record_is_cited_in_full() {
    let cited = Citation::of(&mur(Some("A. Maker, B. Maker"))).unwrap();
    assert!(cited.missing().is_empty());
    assert_eq!(
        cited.text(Some("2026-01-02")),
        "A. Maker, B. Maker (2015). GHRSST Level 4 MUR Global Foundation SST Analysis. Version 4.1. \
         JPL NASA. https://doi.org/10.5067/GHGMR-4FJ04. Accessed 2026-01-02"
    );
    assert_eq!(
        cited.bibtex(Some("2026-01-02")),
        "@misc{MUR-JPL-L4-GLOB-v4.1,
  author    = {{A. Maker, B. Maker}},
  title     = {{GHRSST Level 4 MUR Global Foundation SST Analysis}},
  year      = {2015},
  version   = {4.1},
  publisher = {{JPL NASA}},
  doi       = {10.5067/GHGMR-4FJ04},
  url       = {https://doi.org/10.5067/GHGMR-4FJ04},
  note      = {Accessed 2026-01-02}
}"
    );
}

#[test]
fn nobody_is_made_its_creator() {
    let cited = Citation::of(&mur(None)).unwrap();
    assert_eq!(cited.missing(), ["creator"]);
    let text = cited.text(None);
    assert!(text.starts_with("GHRSST Level 4 MUR Global Foundation SST Analysis (2015). Version"));
    assert!(!cited.bibtex(None).contains("author"));
    // Little is known, and that is said.
    let mut little = Manifest::default();
    let mut collection = Collection::default();
    collection.short_name = Some("ATL03".to_owned());
    little.provenance.collection = Some(collection);
    let cited = Citation::of(&little).unwrap();
    assert_eq!(cited.text(None), "ATL03");
    let missing = ["creator", "year", "version", "publisher", "DOI"];
    assert_eq!(cited.missing(), missing);
    assert_eq!(
        cited.bibtex(None),
        "@misc{ATL03,\n  title     = {{ATL03}}\n}"
    );
}

#[test]
fn a_version_is_said_once() {
    for (title, is_said) in [
        ("SWOT River Product, Version 4.1", true),
        ("Analysis (v4.1)", true),
        ("Analysis V4.1.", true),
        ("Analysis of 4.1", false),
        ("Analysis", false),
    ] {
        let mut manifest = mur(None);
        let collection = manifest.provenance.collection.as_mut().unwrap();
        collection.citation.as_mut().unwrap().title = Some(title.to_owned());
        let text = Citation::of(&manifest).unwrap().text(None);
        assert_eq!(text.contains(". Version 4.1."), !is_said, "{text}");
    }
}

#[test]
fn sets_without_a_collection_say_what_to_do() {
    let mut manifest = Manifest::default();
    let error = Citation::of(&manifest).unwrap_err();
    assert!(error.to_string().contains("chunkref build"), "{error}");
    let attributes = &mut manifest.root.attributes;
    let doi = Attribute::text("https://doi.org/10.5067/ATLAS/ATL03.006");
    attributes.insert("identifier_product_doi".to_owned(), doi);
    let error = Citation::of(&manifest).unwrap_err();
    let doi = Some("10.5067/ATLAS/ATL03.006".to_owned());
    assert_eq!(error, NotKnown::Collection { doi });
    let text = error.to_string();
    assert!(
        text.contains("cite what https://doi.org/10.5067/ATLAS/ATL03.006 says"),
        "{text}"
    );
    // Not every number is a DOI.
    for wrong in ["version 10.5", "see page 10.3/4", "10.5067/a b"] {
        let attributes = &mut manifest.root.attributes;
        attributes.insert("identifier_product_doi".to_owned(), Attribute::text(wrong));
        let error = Citation::of(&manifest);
        assert_eq!(error, Err(NotKnown::Collection { doi: None }), "{wrong}");
    }
}

#[test]
fn no_record_breaks_out_of_its_field() {
    let hostile = "50% of $1 & {x} _y_ ~z^2 \\input{/etc/passwd} #1 <a>\n\u{1b}[2J} }, evil = {";
    let mut manifest = mur(Some(hostile));
    let collection = manifest.provenance.collection.as_mut().unwrap();
    collection.doi = Some("10.5067/A}_%{B\\".to_owned());
    collection.short_name = Some("}{,\n".to_owned());
    let cited = Citation::of(&manifest).unwrap();
    let entry = cited.bibtex(None);
    let (open, close) = (entry.matches('{').count(), entry.matches('}').count());
    assert_eq!(open, close, "{entry}");
    let author = entry.lines().find(|line| line.contains("author")).unwrap();
    assert_eq!(
        author,
        "  author    = {{50\\% of \\$1 \\& \\textbraceleft{}x\\textbraceright{} \\_y\\_ \
         \\textasciitilde{}z\\textasciicircum{}2 \\textbackslash{}input\\textbraceleft{}/etc/passwd\
         \\textbraceright{} \\#1 \\textless{}a\\textgreater{} [2J\\textbraceright{} \
         \\textbraceright{}, evil = \\textbraceleft{}}},"
    );
    assert!(
        entry.contains("doi       = {10.5067/A%7D_%25%7BB%5C}"),
        "{entry}"
    );
    assert!(entry.starts_with("@misc{10.5067_A____B,"), "{entry}");
    assert!(!cited.text(None).contains(['\n', '\u{1b}']));
    assert_eq!(bibtex::key(&[]), "dataset");
}
