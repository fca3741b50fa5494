/*
 * The page's words in the language of the browser, English where there is no translation.
 */

const language = navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
const { words, locale } = await import(`./strings.${language}.js`);

export { locale, words as strings };
