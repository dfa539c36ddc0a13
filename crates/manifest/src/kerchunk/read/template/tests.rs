use super::*;

fn render(text: &str) -> Result<String, String> {
    let texts = [
        ("u", "s3://bucket"),
        ("f", "{{c}}-{{n + 1}}"),
        ("g", "{{u}}"),
    ];
    let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let names = [
        ("i".to_owned(), Value::Int(7)),
        ("w".to_owned(), Value::Text("word".to_owned())),
    ];
    Templates::new(texts.into()).render(text, &names)
}

#[test]
fn expressions() {
    for (text, made) in [
        ("plain }} {", "plain }} {"),
        ("{{u}}/{{ i }}.nc", "s3://bucket/7.nc"),
        ("{{(i + 1) * 1000}}", "8000"),
        ("{{ -i // 2}} {{ -i % 4}} {{i - 2 - 3}}", "-4 1 2"),
        (
            "{{f(c='text', n=i)}}{{ f( c = w, n = 1 , ) }}",
            "text-8word-2",
        ),
        ("{{'a'}}{{\"b\"}}", "ab"),
    ] {
        assert_eq!(render(text).as_deref(), Ok(made), "{text}");
    }
}

#[test]
fn what_is_not_supported_is_an_error() {
    for text in [
        "{{",
        "{{}}",
        "{{x}}",
        "{{i / 2}}",
        "{{i | upper}}",
        "{{f}}",
        "{{g()}}",
        "{{w + 1}}",
        "{% for %}",
        "{{i // 0}}",
        "{{9223372036854775807 + 1}}",
        "{{99999999999999999999}}",
        "{{f(c=1)}}",
        "{{f(c)}}",
        "{{'a}}",
        "{{i i}}",
        "{{(i}}",
        "{{u.x}}",
        "{{f(c='a' n=1)}}",
        // In jinja, 7: the sign takes away white space.
        "{{-i}}",
        "{{+i}}",
        "{{i-}}",
        "{{i -}}",
    ] {
        assert!(render(text).is_err(), "{text}");
    }
    let deep = format!("{{{{ {}1}}}}", "-".repeat(100_000));
    assert!(render(&deep).unwrap_err().contains("nested deeper"));
    let long = "{{u}}".repeat(10_000);
    assert!(render(&long).unwrap_err().contains("more than 65536 bytes"));
    let many: Result<Vec<_>, _> = {
        let texts = HashMap::from([("u".to_owned(), "x".repeat(1000))]);
        let mut templates = Templates::new(texts);
        templates.budget = 100_000;
        (0..1000).map(|_| templates.render("{{u}}", &[])).collect()
    };
    // What a template that is called has to be read, whatever it makes.
    let called = {
        let text = "{{''}}".repeat(1000);
        let mut templates = Templates::new(HashMap::from([("f".to_owned(), text)]));
        templates.budget = 100_000;
        (0..1000).find_map(|_| templates.render("{{f()}}", &[]).err())
    };
    assert!(
        called
            .unwrap()
            .contains("more than the set's size justifies")
    );
    let mut granted = Templates::new(HashMap::new());
    granted.grant(10);
    granted.grant(5);
    assert_eq!(granted.budget, BUDGET.0 + 10 * BUDGET.1);
    assert!(
        many.unwrap_err()
            .contains("more than the set's size justifies")
    );
}
