"""The charts of a page, and whether whoever cannot see them finds the same numbers in a table."""

from __future__ import annotations

from playwright.sync_api import Page

_RUN = r"""() => [...document.querySelectorAll('.crmsync svg, .crmsync canvas')].map(chart => {
  const bar = chart.closest('tr');
  if (bar) {
    const number = [...bar.querySelectorAll('td')].map(cell => cell.contains(chart) ? '' : cell.textContent).join('');
    return bar.querySelector('th[scope=row]') && /\d/.test(number) ? '' : 'a bar without its name or number';
  }
  if (chart.getAttribute('role') !== 'img' || !chart.getAttribute('aria-label')) return 'a chart without a name';
  const table = chart.closest('section')?.querySelector('table:has(thead)');
  if (!table) return `${chart.getAttribute('aria-label')}: no table beside it`;
  const drawn = new Set([...chart.querySelectorAll('rect')].map(one => one.getAttribute('x'))).size;
  const told = [...table.tBodies].flatMap(body => [...body.rows]).length;
  return drawn === told ? '' : `${chart.getAttribute('aria-label')}: ${drawn} columns, but ${told} rows in the table`;
})"""


def charts(page: Page) -> list[str]:
    """Return for each chart what its table lacks, "" for nothing: every column a row, every bar its number."""
    found: list[str] = page.evaluate(_RUN)
    return found
