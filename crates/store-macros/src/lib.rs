//! `#[derive(Row)]`: a struct declares the columns of its table once, as its fields.
//!
//! The insert-or-update statement, its parameters and the reading of a row derive from the fields, so a column cannot be bound
//! to another one's place. The generated code names `crate::sql` and is of use in `store` alone.
//!
//! ```text
//!   #[row(table = "volumes")]                 the struct can be saved; without it, only read
//!   #[row(table = "volumes", kind = Volume)]  saving it is a change of that kind in the outbox
//!   #[row(computed(wake_at = "column"))]      also written: what the method `wake_at` returns
//!   #[row(key)]                               identifies the row; exactly one, if there is a table
//!   #[row(fixed)]                             written with a new row, never changed afterwards
//!   #[row(column = "error_json")]             the column's name, where it is not the field's
//!   #[row(columns("a", "b"))]                 a type of several columns (`sql::Columns`)
//!   #[row(joined)]                            read from the query, not part of the table
//!   #[row(skip)]                              not part of the row; `Default` when read
//! ```

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Token, parenthesized};

#[proc_macro_derive(Row, attributes(row))]
pub fn derive_row(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> syn::Result<Tokens> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "only a struct can be a row"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(input, "a row needs named fields"));
    };
    let name = &input.ident;
    let table = Table::parse(input)?;
    let columns = fields.named.iter().map(Column::parse).collect::<syn::Result<Vec<_>>>()?;
    let reads = columns.iter().map(Column::read);
    let save = table.save(name, &columns)?;
    Ok(quote! {
        impl crate::sql::FromRow for #name {
            fn from_row(row: &crate::sql::Row) -> Result<Self, sqlx::Error> {
                Ok(Self { #(#reads),* })
            }
        }
        #save
    })
}

/// What the struct's own attributes say.
#[derive(Default)]
struct Table {
    name: Option<LitStr>,
    kind: Option<Ident>,
    /// Methods whose results are written too, with their columns.
    computed: Vec<(Ident, LitStr)>,
}

impl Table {
    fn parse(input: &DeriveInput) -> syn::Result<Self> {
        let mut table = Self::default();
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("table") {
                    table.name = Some(meta.value()?.parse()?);
                    Ok(())
                } else if meta.path.is_ident("kind") {
                    table.kind = Some(meta.value()?.parse()?);
                    Ok(())
                } else if meta.path.is_ident("computed") {
                    meta.parse_nested_meta(|method| {
                        let column = method.value()?.parse()?;
                        table.computed.push((method.path.require_ident()?.clone(), column));
                        Ok(())
                    })
                } else {
                    Err(meta.error("expected `table`, `kind` or `computed`"))
                }
            })?;
        }
        Ok(table)
    }

    /// The statement that inserts a row or changes it, and the values of its parameters.
    fn save(&self, name: &Ident, columns: &[Column]) -> syn::Result<Tokens> {
        let Some(table) = &self.name else { return Ok(Tokens::new()) };
        let stored: Vec<&Column> = columns.iter().filter(|column| column.is_stored()).collect();
        let [key] = stored.iter().filter(|column| column.role == Role::Key).collect::<Vec<_>>()[..] else {
            return Err(Error::new_spanned(table, "a table needs exactly one `key`"));
        };
        let key = key.names[0].value();
        let computed = self.computed.iter().map(|(_, column)| column.value());
        let names: Vec<String> = stored
            .iter()
            .flat_map(|column| column.names.iter().map(LitStr::value))
            .chain(computed.clone())
            .collect();
        let places: Vec<String> = (1..=names.len()).map(|place| format!("${place}")).collect();
        let updates: Vec<String> = stored
            .iter()
            .filter(|column| column.role == Role::Changing)
            .flat_map(|column| column.names.iter().map(LitStr::value))
            .chain(computed)
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let conflict = match updates.as_slice() {
            [] => "NOTHING".to_owned(),
            updates => format!("UPDATE SET {}", updates.join(", ")),
        };
        let statement = format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({key}) DO {conflict}",
            table.value(),
            names.join(", "),
            places.join(", "),
        );
        let doing = format!("write a row of {}", table.value());
        let values = stored.iter().map(|column| column.write());
        let methods = self.computed.iter().map(|(method, _)| method);
        let count = names.len();
        let change = match &self.kind {
            None => quote!(None),
            Some(kind) => quote!(Some(crate::outbox::Change {
                tenant_id: Some(self.tenant_id),
                host_id: None,
                kind: crate::outbox::ObjectKind::#kind,
                object_id: self.id.uuid(),
            })),
        };
        Ok(quote! {
            impl crate::sql::Table for #name {
                const SAVE: &'static str = #statement;
                const DOING: &'static str = #doing;

                fn values(&self) -> Vec<crate::sql::Value> {
                    let mut values = Vec::with_capacity(#count);
                    #(#values)*
                    #(values.push(crate::sql::ToValue::to_value(&self.#methods()));)*
                    values
                }

                fn change(&self) -> Option<crate::outbox::Change> {
                    #change
                }
            }
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    Fixed,
    Changing,
    Joined,
    Skipped,
}

/// A field, with the columns that hold it.
struct Column<'a> {
    field: &'a Ident,
    role: Role,
    names: Vec<LitStr>,
    /// The field's type spreads over several columns.
    is_group: bool,
}

impl<'a> Column<'a> {
    fn parse(field: &'a syn::Field) -> syn::Result<Self> {
        let ident = field.ident.as_ref().expect("the fields are named");
        let name = LitStr::new(&ident.to_string(), ident.span());
        let mut column = Self { field: ident, role: Role::Changing, names: vec![name], is_group: false };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("column") {
                    column.names = vec![meta.value()?.parse()?];
                } else if meta.path.is_ident("columns") {
                    let names;
                    parenthesized!(names in meta.input);
                    let names: Punctuated<LitStr, Token![,]> =
                        names.parse_terminated(|name| name.parse(), Token![,])?;
                    column.names = names.into_iter().collect();
                    column.is_group = true;
                } else {
                    column.role = match meta.path.require_ident()?.to_string().as_str() {
                        "key" => Role::Key,
                        "fixed" => Role::Fixed,
                        "joined" => Role::Joined,
                        "skip" => Role::Skipped,
                        _ => return Err(meta.error("unknown attribute of a column")),
                    };
                }
                Ok(())
            })?;
        }
        Ok(column)
    }

    fn is_stored(&self) -> bool {
        matches!(self.role, Role::Key | Role::Fixed | Role::Changing)
    }

    fn read(&self) -> Tokens {
        let (field, names) = (self.field, &self.names);
        match (self.role, self.is_group) {
            (Role::Skipped, _) => quote!(#field: Default::default()),
            (_, true) => quote!(#field: crate::sql::Columns::read(row, [#(#names),*])?),
            (_, false) => quote!(#field: row.get(#(#names)*)?),
        }
    }

    fn write(&self) -> Tokens {
        let field = self.field;
        if self.is_group {
            quote!(values.extend(crate::sql::Columns::values(&self.#field));)
        } else {
            quote!(values.push(crate::sql::ToValue::to_value(&self.#field));)
        }
    }
}
